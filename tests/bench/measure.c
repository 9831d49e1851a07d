/* SPDX-License-Identifier: MIT */
/*
 * measure COUNT LIBRARY OUTPUT COMMAND...: run the command COUNT times with LIBRARY
 * preloaded ("-": none) and standard output to the file OUTPUT; print the mean time, CPU
 * time, and the peak resident size of the largest process under it.
 *
 * It is small itself on purpose: a process's peak counts what it was before exec.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(const char *library, const char *output, char **command)
{
	int status, file;
	pid_t child = fork();

	if (child == 0) {
		if (strcmp(library, "-") != 0)
			setenv("LD_PRELOAD", library, 1);
		file = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		dup2(file, STDOUT_FILENO);
		close(file);
		execvp(command[0], command);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		bench_fail("cannot run %s", command[0]);
	if (WIFSIGNALED(status))
		bench_fail("%s died by signal %d", command[0], WTERMSIG(status));
	if (WEXITSTATUS(status))
		bench_fail("%s exits with %d", command[0], WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	struct rusage children;
	double count, start, wall;

	if (argc < 5)
		bench_fail("measure COUNT LIBRARY OUTPUT COMMAND...");
	count = atof(argv[1]);
	start = bench_wall();
	for (int i = 0; i < (int)count; i++)
		run(argv[2], argv[3], argv + 4);
	wall = bench_wall() - start;
	getrusage(RUSAGE_CHILDREN, &children);
	printf("time_s=%.6f cpu_s=%.6f peak_kib=%ld\n", wall / count, bench_cpu() / count,
	       children.ru_maxrss);
	return 0;
}
