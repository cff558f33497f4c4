#include "runtime/comm/watch/Frames.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace cleave::rt {

namespace {

constexpr uint32_t kLongestFrame = uint32_t{1} << 30;
constexpr size_t kHead = 5; // bytes: the fields' length, the kind

} // namespace

Packer &Packer::add(int64_t value) {
  packed.append(reinterpret_cast<const char *>(&value), sizeof(value));
  return *this;
}

Packer &Packer::add(const std::string &text) {
  add(static_cast<int64_t>(text.size()));
  packed += text;
  return *this;
}

Packer &Packer::add(const Error &error) {
  add(error.code).add(error.message).add(error.location).add(error.hint);
  add(static_cast<int64_t>(error.notes.size()));
  for (const std::string &note : error.notes)
    add(note);
  return *this;
}

int64_t Unpacker::number() {
  int64_t value = 0;
  whole &= bytes.size() - at >= sizeof(value);
  if (!whole)
    return 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  at += sizeof(value);
  return value;
}

std::string Unpacker::text() {
  int64_t length = number();
  whole &= length >= 0 && static_cast<uint64_t>(length) <= bytes.size() - at;
  if (!whole)
    return "";
  at += length;
  return bytes.substr(at - length, length);
}

Error Unpacker::error() {
  Error error;
  error.code = text();
  error.message = text();
  error.location = text();
  error.hint = text();
  for (int64_t left = number(); whole && left > 0; --left)
    error.notes.push_back(text());
  return error;
}

Channel::~Channel() { close(descriptor); }

void Channel::send(FrameKind kind, const Packer &fields) {
  auto length = static_cast<uint32_t>(fields.bytes().size());
  toSend.append(reinterpret_cast<const char *>(&length), sizeof(length));
  toSend += static_cast<char>(kind);
  toSend += fields.bytes();
  said = Clock::now();
  flush();
}

void Channel::flush() {
  size_t sent = 0;
  while (sent < toSend.size()) {
    ssize_t done =
        ::send(descriptor, toSend.data() + sent, toSend.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (done < 0 && errno == EINTR)
      continue;
    if (done < 0) {
      if (errno != EAGAIN && errno != EWOULDBLOCK)
        sent = toSend.size(); // nobody is there: receive() will tell
      break;
    }
    sent += done;
  }
  toSend.erase(0, sent);
  if (isEnding && toSend.empty())
    shutdown(descriptor, SHUT_WR);
}

bool Channel::receive() {
  char buffer[size_t{64} << 10];
  while (true) {
    ssize_t got = recv(descriptor, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (got > 0) {
      received.append(buffer, got);
      heard = Clock::now();
      continue;
    }
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return true;
    reason = got == 0 ? "its connection has ended" : std::strerror(errno);
    return false;
  }
}

bool Channel::next(Frame &frame) {
  if (received.size() < kHead)
    return false;
  uint32_t length;
  std::memcpy(&length, received.data(), sizeof(length));
  if (length > kLongestFrame) { // a stranger
    received.clear();
    return false;
  }
  if (received.size() < kHead + length)
    return false;
  frame.kind = static_cast<FrameKind>(received[4]);
  frame.fields = received.substr(kHead, length);
  received.erase(0, kHead + length);
  return true;
}

} // namespace cleave::rt
