/* Preloaded into a gateway process: writes down every address that anything in it connects or sends to, C libraries
 * included. Python's audit hooks see Python's own sockets only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void note(const char *how, const char *where, int port) {
    const char *path = getenv("WATCH_CONNECTIONS");
    if (path == NULL) return;
    char line[512];
    int length = snprintf(line, sizeof line, "%s %s %d\n", how, where, port);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (write(file, line, (size_t)length) < 0) abort();
    close(file);
}

static void note_address(const char *how, const struct sockaddr *address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address == NULL) return;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &four->sin_addr, text, sizeof text);
        note(how, text, ntohs(four->sin_port));
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof text);
        note(how, text, ntohs(six->sin6_port));
    }
}

int connect(int fd, const struct sockaddr *address, socklen_t length) {
    static int (*real)(int, const struct sockaddr *, socklen_t);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "connect");
    note_address("connect", address);
    return real(fd, address, length);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *address, socklen_t length) {
    static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "sendto");
    note_address("sendto", address);
    return real(fd, data, size, flags, address, length);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    note("getaddrinfo", node ? node : "-", service ? atoi(service) : 0);
    return real(node, service, hints, found);
}
