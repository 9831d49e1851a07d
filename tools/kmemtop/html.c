// SPDX-License-Identifier: MIT
/*
 * The page: its style and its script as they are in html.css and html*.js, its body, and between
 * them what was read, as JSON (html_data.c). It loads nothing, and says so to the browser.
 */
#include "html.h"

#include "html_data.h"

#define ASSET(name, file)                                                                          \
	__asm__(".pushsection .rodata\n.balign 16\n" #name ":\n.incbin \"" KMEMTOP_DIR "/" file    \
		"\"\n.byte 0\n.popsection\n");                                                     \
	extern const char name[] __attribute__((visibility("hidden")))

ASSET(html_css, "html.css");
ASSET(html_js, "html.js");
ASSET(html_tables_js, "html_tables.js");
ASSET(html_body, "html_body.html");

void html_print(FILE *out, const struct geometry *g, const struct target *t)
{
	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	      "<meta name=\"color-scheme\" content=\"dark light\">\n"
	      "<title>kmemtop: the map</title>\n<style>\n",
	      out);
	fputs(html_css, out);
	fputs("</style>\n</head>\n<body>\n", out);
	fputs(html_body, out);
	fputs("<script type=\"application/json\" id=\"data\">\n", out);
	html_data(out, g, t);
	fputs("</script>\n<script>\n", out);
	fputs(html_js, out);
	fputs(html_tables_js, out);
	fputs("</script>\n</body>\n</html>\n", out);
}
