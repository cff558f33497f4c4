#include "runtime/comm/mpi/Manager.h"

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cleave::rt::mpi {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kBetweenTries = std::chrono::milliseconds(20);
constexpr int kLookMilliseconds = 200;
constexpr char kHello[] = "cleave ";

// "cmd=put kvsname=x key=y value=z": the last value may hold anything but the end of the line.
std::map<std::string, std::string> wordsOf(const std::string &line) {
  std::map<std::string, std::string> words;
  for (size_t at = 0; at < line.size();) {
    size_t equals = line.find('=', at);
    if (equals == std::string::npos)
      break;
    std::string key = line.substr(at, equals - at);
    size_t end = key == "value" ? line.size() : std::min(line.find(' ', equals), line.size());
    words[key] = line.substr(equals + 1, end - equals - 1);
    at = end + 1;
  }
  return words;
}

bool sendAll(int socket, const std::string &text) {
  for (size_t at = 0; at < text.size();) {
    ssize_t sent = ::send(socket, text.data() + at, text.size() - at, MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR)
      return false;
    at += sent > 0 ? static_cast<size_t>(sent) : 0;
  }
  return true;
}

struct Address {
  std::string host, port;
};

Address addressOf(const std::string &master) {
  size_t colon = master.rfind(':');
  return {master.substr(0, colon), master.substr(colon + 1)};
}

// Serves the processes' questions, on a thread of process 0.
class Server : public Manager {
public:
  Server(int listening, int64_t processes) : listening(listening), processes(processes) {
    thread = std::thread([this] { work(); });
  }
  ~Server() override {
    thread.join();
    close(listening);
  }

private:
  struct Client {
    int socket;
    std::string received;
    bool inBarrier = false;
  };

  void work() {
    int64_t left = processes; // that have not ended
    while (left > 0) {
      std::vector<pollfd> watched = {{listening, POLLIN, 0}};
      for (const Client &client : clients)
        watched.push_back({client.socket, POLLIN, 0});
      if (::poll(watched.data(), watched.size(), kLookMilliseconds) <= 0)
        continue;
      if (watched[0].revents)
        if (int socket = accept(listening, nullptr, nullptr); socket >= 0)
          clients.push_back({socket, "", false});
      for (size_t i = watched.size(); i-- > 1;)
        if (watched[i].revents && !read(clients[i - 1])) {
          close(clients[i - 1].socket);
          clients.erase(clients.begin() + static_cast<int64_t>(i) - 1);
          --left;
        }
    }
  }

  // Whether it is there still.
  bool read(Client &client) {
    char bytes[4096];
    ssize_t size = recv(client.socket, bytes, sizeof(bytes), 0);
    if (size <= 0)
      return size < 0 && errno == EINTR;
    client.received.append(bytes, static_cast<size_t>(size));
    for (size_t end; (end = client.received.find('\n')) != std::string::npos;) {
      std::string line = client.received.substr(0, end);
      client.received.erase(0, end + 1);
      if (!answer(client, wordsOf(line)))
        return false;
    }
    return true;
  }

  bool answer(Client &client, std::map<std::string, std::string> words) {
    const std::string &command = words["cmd"];
    if (command == "init")
      return sendAll(client.socket, "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0\n");
    if (command == "get_maxes")
      return sendAll(client.socket, "cmd=maxes kvsname_max=256 keylen_max=64 vallen_max=1024\n");
    if (command == "get_appnum")
      return sendAll(client.socket, "cmd=appnum appnum=0\n");
    if (command == "get_my_kvsname")
      return sendAll(client.socket, "cmd=my_kvsname kvsname=cleave\n");
    if (command == "get_universe_size")
      return sendAll(client.socket, "cmd=universe_size size=" + std::to_string(processes) + " rc=0\n");
    if (command == "put") {
      values[words["key"]] = words["value"];
      return sendAll(client.socket, "cmd=put_result rc=0 msg=success\n");
    }
    if (command == "get") {
      auto found = values.find(words["key"]);
      return sendAll(client.socket, found == values.end()
                                        ? "cmd=get_result rc=-1 msg=key_not_found value=unknown\n"
                                        : "cmd=get_result rc=0 msg=success value=" + found->second + "\n");
    }
    if (command == "barrier_in")
      return enter(client);
    if (command == "finalize")
      return sendAll(client.socket, "cmd=finalize_ack\n");
    return command != "abort"; // a greeting has none
  }

  bool enter(Client &client) {
    client.inBarrier = true;
    int64_t inside = 0;
    for (const Client &each : clients)
      inside += each.inBarrier;
    if (inside < processes)
      return true;
    for (Client &each : clients) {
      each.inBarrier = false;
      sendAll(each.socket, "cmd=barrier_out\n");
    }
    return true;
  }

  int listening;
  int64_t processes;
  std::vector<Client> clients;
  std::map<std::string, std::string> values;
  std::thread thread;
};

Error noPort(const std::string &master, const std::string &why) {
  return {"E752",
          "processes meet at a port of process 0, found that " + master + " cannot be had: " + why,
          "",
          {},
          "say another one in MASTER_PORT, the same for all processes"};
}

Result<int> listenAt(const Launch &launch) {
  Address address = addressOf(launch.master);
  addrinfo hints = {}, *found = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  if (int error = getaddrinfo(nullptr, address.port.c_str(), &hints, &found))
    return noPort(launch.master, gai_strerror(error));
  int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  bool good = socket >= 0 && bind(socket, found->ai_addr, found->ai_addrlen) == 0 &&
              listen(socket, static_cast<int>(launch.processes)) == 0;
  int why = errno;
  freeaddrinfo(found);
  if (good)
    return socket;
  if (socket >= 0)
    close(socket);
  return noPort(launch.master, std::strerror(why));
}

// One try; -1 and the reason.
int connectTo(const Address &address, std::string &why) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found)) {
    why = gai_strerror(error);
    return -1;
  }
  int connected = -1;
  for (addrinfo *each = found; each && connected < 0; each = each->ai_next) {
    int socket = ::socket(each->ai_family, SOCK_STREAM, 0);
    if (socket >= 0 && connect(socket, each->ai_addr, each->ai_addrlen) == 0) {
      connected = socket;
      break;
    }
    why = std::strerror(errno);
    if (socket >= 0)
      close(socket);
  }
  freeaddrinfo(found);
  return connected;
}

} // namespace

Result<std::unique_ptr<Manager>> Manager::start(const Launch &launch, double seconds) {
  std::unique_ptr<Manager> made;
  if (launch.process == 0) {
    Result<int> listening = listenAt(launch);
    if (!listening)
      return listening.error();
    made = std::make_unique<Server>(*listening, launch.processes);
  } else {
    made = std::make_unique<Manager>();
  }
  Address address = addressOf(launch.master);
  std::string why;
  auto start = Clock::now();
  int socket = connectTo(address, why);
  while (socket < 0 && std::chrono::duration<double>(Clock::now() - start).count() < seconds) {
    std::this_thread::sleep_for(kBetweenTries);
    socket = connectTo(address, why);
  }
  if (socket < 0)
    return Error{"E719",
                 "processes meet at process 0, found that it is not at " + launch.master + ": " + why,
                 "",
                 {"process " + std::to_string(launch.process) + " has tried for a minute"},
                 ""};
  sendAll(socket, kHello + std::to_string(launch.process) + "\n");
  setenv("PMI_FD", std::to_string(socket).c_str(), 1);
  setenv("PMI_RANK", std::to_string(launch.process).c_str(), 1);
  setenv("PMI_SIZE", std::to_string(launch.processes).c_str(), 1);
  return made;
}

} // namespace cleave::rt::mpi
