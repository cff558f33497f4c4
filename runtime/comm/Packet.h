// Numbers, texts and errors as bytes, between processes of one program: both ends are of one version.
#ifndef CLEAVE_RUNTIME_COMM_PACKET_H
#define CLEAVE_RUNTIME_COMM_PACKET_H

#include "runtime/core/Error.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::rt {

class PacketWriter {
public:
  void number(int64_t value) { bytes.append(reinterpret_cast<const char *>(&value), sizeof(value)); }
  void text(std::string_view value) {
    number(static_cast<int64_t>(value.size()));
    bytes.append(value);
  }
  void data(const void *from, int64_t size) {
    text({static_cast<const char *>(from), static_cast<size_t>(size)});
  }
  void error(const Error &it) {
    for (const std::string *part : {&it.code, &it.message, &it.location, &it.hint})
      text(*part);
    number(static_cast<int64_t>(it.notes.size()));
    for (const std::string &note : it.notes)
      text(note);
  }
  void status(const Status &it) {
    number(it.ok());
    if (!it)
      error(it.error());
  }
  std::string take() { return std::move(bytes); }

private:
  std::string bytes;
};

// What is not there reads as zero or empty.
class PacketReader {
public:
  explicit PacketReader(std::string_view bytes) : rest(bytes) {}
  int64_t number() {
    int64_t value = 0;
    if (rest.size() < sizeof(value))
      return 0;
    std::memcpy(&value, rest.data(), sizeof(value));
    rest.remove_prefix(sizeof(value));
    return value;
  }
  // A part of the packet.
  std::string_view view() {
    auto size = static_cast<size_t>(number());
    std::string_view value = rest.substr(0, size);
    rest.remove_prefix(value.size());
    return value;
  }
  std::string text() { return std::string(view()); }
  Error error() {
    Error it;
    for (std::string *part : {&it.code, &it.message, &it.location, &it.hint})
      *part = text();
    for (int64_t count = number(); count > 0 && !rest.empty(); --count)
      it.notes.push_back(text());
    return it;
  }
  Status status() { return number() ? Status() : Status(error()); }

private:
  std::string_view rest;
};

} // namespace cleave::rt

#endif
