/* SPDX-License-Identifier: MIT */
/* dlopen, use and dlclose of the core, again and again, some of it in threads that then exit. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const char *library;

static void *use(void *unused)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *(*alloc)(size_t);
	void (*release)(void *);

	(void)unused;
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&alloc = dlsym(handle, "kmem_malloc");
	*(void **)&release = dlsym(handle, "kmem_free");
	for (size_t n = 1; n < 100000; n *= 3)
		release(alloc(n));
	dlclose(handle);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	library = argv[1];
	for (int i = 0; i < 1000; i++) {
		pthread_t thread;

		if (i % 10) {
			use(NULL);
			continue;
		}
		if (pthread_create(&thread, NULL, use, NULL) || pthread_join(thread, NULL))
			return 1;
	}
	return 0;
}
