/* SPDX-License-Identifier: MIT */
/*
 * A line-echo server whose connections and requests live in caches of their own.
 *
 *	cc server.c -lkmem -pthread && ./a.out [SECONDS]
 *
 * It listens on a free port of the loopback address and is its own client: a
 * thread keeps 64 sessions open, sends lines, and checks the answers. While it
 * runs, `kmemtop -p PID` shows how many of each object exist.
 */
#include <errno.h>
#include <kmem.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS  64
#define LINE_ROOM 120

/* One line on its way back; belongs to its connection's queue. */
struct request {
	struct request *next;
	size_t length;
	char line[LINE_ROOM];
};

struct connection {
	int fd;
	unsigned long served;
	struct request *first, **last;
	size_t have; /* bytes of the line in partial[] */
	char partial[LINE_ROOM];
};

static struct kmem_cache *connections, *requests;
static atomic_bool stopping;

/*
 * The constructor runs once for an object, not once for an allocation: whoever
 * frees a connection leaves it as the constructor would, here with an empty
 * queue.
 */
static void connection_init(void *object)
{
	struct connection *connection = object;

	memset(connection, 0, sizeof(*connection));
	connection->fd = -1;
	connection->last = &connection->first;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct connection *connection_open(int fd)
{
	struct connection *connection = kmem_cache_alloc(connections, GFP_KERNEL);

	if (!connection)
		die("connection");
	connection->fd = fd;
	return connection;
}

static void connection_close(struct connection *connection)
{
	struct request *request;

	close(connection->fd);
	while ((request = connection->first)) {
		connection->first = request->next;
		kmem_cache_free(requests, request);
	}
	/* Back to the constructed state. */
	connection->fd = -1;
	connection->served = 0;
	connection->have = 0;
	connection->last = &connection->first;
	kmem_cache_free(connections, connection);
}

/* Queue the line that is complete in partial[]. */
static void request_add(struct connection *connection)
{
	struct request *request = kmem_cache_alloc(requests, GFP_KERNEL);

	if (!request)
		die("request");
	request->next = NULL;
	request->length = connection->have;
	memcpy(request->line, connection->partial, connection->have);
	connection->have = 0;
	*connection->last = request;
	connection->last = &request->next;
}

/* 0, or -1 when the other side has gone. */
static int connection_read(struct connection *connection)
{
	char bytes[1024];
	ssize_t got = recv(connection->fd, bytes, sizeof(bytes), 0);

	if (got <= 0)
		return -1;
	for (ssize_t i = 0; i < got; i++) {
		connection->partial[connection->have++] = bytes[i];
		if (bytes[i] == '\n' || connection->have == LINE_ROOM)
			request_add(connection);
	}
	return 0;
}

static int connection_answer(struct connection *connection)
{
	struct request *request;

	while ((request = connection->first)) {
		ssize_t sent = send(connection->fd, request->line, request->length, MSG_NOSIGNAL);

		if (sent != (ssize_t)request->length)
			return -1;
		connection->first = request->next;
		if (!connection->first)
			connection->last = &connection->first;
		connection->served++;
		kmem_cache_free(requests, request);
	}
	return 0;
}

/* Serve until all clients have gone and the time is over; the number of lines. */
static unsigned long serve(int listener)
{
	struct pollfd fds[SESSIONS + 1] = {{.fd = listener}};
	struct connection *open[SESSIONS + 1];
	unsigned long served = 0;
	nfds_t n = 1;

	while (!atomic_load_explicit(&stopping, memory_order_relaxed) || n > 1) {
		fds[0].events = n <= SESSIONS ? POLLIN : 0; /* full: let them wait */
		if (poll(fds, n, 50) < 0 && errno != EINTR)
			die("poll");
		for (nfds_t i = n - 1; i > 0; i--) {
			if (!fds[i].revents)
				continue;
			if (connection_read(open[i]) == 0 && connection_answer(open[i]) == 0)
				continue;
			served += open[i]->served;
			connection_close(open[i]);
			n--;
			fds[i] = fds[n];
			open[i] = open[n];
		}
		if (fds[0].revents) {
			int fd = accept(listener, NULL, NULL);

			if (fd < 0)
				die("accept");
			fds[n] = (struct pollfd){.fd = fd, .events = POLLIN};
			open[n++] = connection_open(fd);
		}
	}
	return served;
}

/* Send a line, wait for its echo. */
static void client_ask(int fd, unsigned long number)
{
	char line[LINE_ROOM], answer[LINE_ROOM];
	int length = snprintf(line, sizeof(line), "line %lu\n", number);

	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length ||
	    recv(fd, answer, (size_t)length, MSG_WAITALL) != length)
		die("client");
	if (memcmp(line, answer, (size_t)length) != 0) {
		fprintf(stderr, "asked %.*s, got %.*s", length, line, length, answer);
		exit(1);
	}
}

struct client {
	struct sockaddr_in address;
	double seconds;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int client_connect(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		die("connect");
	return fd;
}

/* Keep SESSIONS sessions open for the time asked for; each ends now and then. */
static void *client_run(void *argument)
{
	const struct client *client = argument;
	int fds[SESSIONS];
	double end;
	unsigned long n = 0;

	for (int i = 0; i < SESSIONS; i++)
		fds[i] = client_connect(&client->address);
	end = now() + client->seconds;
	do {
		int *fd = &fds[n % SESSIONS];

		client_ask(*fd, n++);
		if (n % 1009 == 0) {
			close(*fd);
			*fd = client_connect(&client->address);
		}
	} while (now() < end);
	for (int i = 0; i < SESSIONS; i++)
		close(fds[i]);
	atomic_store_explicit(&stopping, true, memory_order_relaxed);
	return NULL;
}

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET};
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)address, length) < 0 ||
	    listen(fd, SESSIONS) < 0 || getsockname(fd, (struct sockaddr *)address, &length) < 0)
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct client client = {.seconds = argc > 1 ? atof(argv[1]) : 1};
	int listener = listen_on_loopback(&client.address);
	pthread_t thread;
	unsigned long served;

	connections = kmem_cache_create("connection", sizeof(struct connection), 0,
					SLAB_HWCACHE_ALIGN, connection_init);
	requests = kmem_cache_create("request", sizeof(struct request), 0, 0, NULL);
	if (!connections || !requests)
		die("kmem_cache_create");
	if (pthread_create(&thread, NULL, client_run, &client) != 0)
		die("pthread_create");
	served = serve(listener);
	pthread_join(thread, NULL);
	close(listener);
	printf("%lu lines echoed\n", served);
	/* Fails, and names what is left, if an object was forgotten. */
	return kmem_cache_destroy(requests) || kmem_cache_destroy(connections);
}
