#include "runtime/comm/watch/Sockets.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

// Small frames go at once.
void hurry(int file) {
  int one = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

int milliseconds(double seconds) { return seconds <= 0 ? 0 : static_cast<int>(seconds * 1000) + 1; }

// At all addresses of one family.
int listenIn(int family, uint16_t &port) {
  int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (file < 0)
    return -1;
  int off = 0;
  sockaddr_storage any = {};
  any.ss_family = static_cast<sa_family_t>(family);
  socklen_t size = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  bool good = family != AF_INET6 || setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0;
  good = good && bind(file, reinterpret_cast<sockaddr *>(&any), size) == 0 && listen(file, SOMAXCONN) == 0;
  size = sizeof(any);
  if (!good || getsockname(file, reinterpret_cast<sockaddr *>(&any), &size) != 0) {
    int reason = errno;
    close(file);
    errno = reason;
    return -1;
  }
  port = ntohs(family == AF_INET6 ? reinterpret_cast<sockaddr_in6 *>(&any)->sin6_port
                                  : reinterpret_cast<sockaddr_in *>(&any)->sin_port);
  return file;
}

bool isUsable(const ifaddrs &it, bool loops) {
  if (!it.ifa_addr || !(it.ifa_flags & IFF_UP) || ((it.ifa_flags & IFF_LOOPBACK) != 0) != loops)
    return false;
  if (it.ifa_addr->sa_family == AF_INET)
    return true;
  return it.ifa_addr->sa_family == AF_INET6 &&
         !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<sockaddr_in6 *>(it.ifa_addr)->sin6_addr);
}

// Whether a connection that was begun has come about.
bool isConnected(int file, double seconds, std::string &why) {
  pollfd wanted = {file, POLLOUT, 0};
  int ready = poll(&wanted, 1, milliseconds(seconds));
  int error = ready == 0 ? ETIMEDOUT : errno;
  socklen_t size = sizeof(error);
  if (ready > 0)
    getsockopt(file, SOL_SOCKET, SO_ERROR, &error, &size);
  if (ready > 0 && error == 0)
    return true;
  why = std::strerror(error);
  return false;
}

} // namespace

Result<int> listenAnywhere(uint16_t &port) {
  int file = listenIn(AF_INET6, port);
  if (file < 0)
    file = listenIn(AF_INET, port);
  if (file < 0)
    return Error{"E738",
                 std::string("the processes of a run must be able to watch each other, found no port to be "
                             "had: ") +
                     std::strerror(errno),
                 "",
                 {},
                 ""};
  return file;
}

std::vector<std::string> ownAddresses() {
  std::vector<std::string> found;
  ifaddrs *all = nullptr;
  if (getifaddrs(&all) != 0)
    return {"127.0.0.1"};
  for (bool loops : {false, true})
    for (const ifaddrs *it = all; it; it = it->ifa_next) {
      char text[NI_MAXHOST];
      if (!isUsable(*it, loops))
        continue;
      socklen_t size = it->ifa_addr->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
      if (getnameinfo(it->ifa_addr, size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
        found.push_back(text);
    }
  freeifaddrs(all);
  return found;
}

int connectTo(const std::string &address, uint16_t port, double seconds, std::string &why) {
  addrinfo hints = {}, *list = nullptr;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  if (int failed = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &list); failed != 0) {
    why = gai_strerror(failed);
    return -1;
  }
  int file = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool good = file >= 0 && (connect(file, list->ai_addr, list->ai_addrlen) == 0 || errno == EINPROGRESS);
  if (!good)
    why = std::strerror(errno);
  freeaddrinfo(list);
  if (good && isConnected(file, seconds, why)) {
    hurry(file);
    return file;
  }
  if (file >= 0)
    close(file);
  return -1;
}

bool waitToRead(int file, double seconds) {
  pollfd wanted = {file, POLLIN, 0};
  return poll(&wanted, 1, milliseconds(seconds)) > 0;
}

} // namespace cleave::rt
