#include "runtime/abi/Handles.h"

#include <cstring>

namespace cleave::rt::abi {

namespace {

// The one thing that lives outside handles: what the last failing call of this thread found.
struct LastError {
  std::string code, text;
};
LastError &lastError() {
  thread_local LastError error;
  return error;
}

cleave_status statusOf(const std::string &code) noexcept {
  static constexpr struct {
    const char *prefix;
    cleave_status status;
  } kinds[] = {
      {"E510", CLEAVE_UNKNOWN_NAME},     {"E511", CLEAVE_MISMATCH},
      {"E512", CLEAVE_WRONG_ORDER},      {"E513", CLEAVE_WRONG_ORDER},
      {"E514", CLEAVE_WRONG_ORDER},      {"E612", CLEAVE_UNKNOWN_NAME},
      {"E618", CLEAVE_UNKNOWN_NAME},     {"E701", CLEAVE_UNKNOWN_NAME},
      {"E702", CLEAVE_NO_MEMORY},        {"E703", CLEAVE_NO_MEMORY},
      {"E704", CLEAVE_BAD_FILE},         {"E715", CLEAVE_INVALID_ARGUMENT},
      {"E71", CLEAVE_RUN_FAILED},        {"E720", CLEAVE_INVALID_ARGUMENT},
      {"E721", CLEAVE_WRONG_ORDER},      {"E722", CLEAVE_BUSY},
      {"E723", CLEAVE_INCOMPATIBLE},     {"E724", CLEAVE_MISMATCH},
      {"E725", CLEAVE_INVALID_ARGUMENT}, {"E73", CLEAVE_MISMATCH},
      {"E799", CLEAVE_INTERNAL},         {"E999", CLEAVE_INTERNAL},
      {"E5", CLEAVE_BAD_FILE},           {"E6", CLEAVE_BAD_FILE},
      {"E803", CLEAVE_INCOMPATIBLE},     {"E806", CLEAVE_INCOMPATIBLE},
      {"E8", CLEAVE_BAD_FILE},           {"E", CLEAVE_REJECTED},
  };
  for (const auto &kind : kinds)
    if (code.compare(0, std::strlen(kind.prefix), kind.prefix) == 0)
      return kind.status;
  return CLEAVE_INTERNAL;
}

std::string textOf(const Error &error) {
  std::string text = error.code + ": " + error.message;
  if (!error.location.empty())
    text = error.location + ": " + text;
  for (const std::string &note : error.notes)
    text += "\nnote: " + note;
  if (!error.hint.empty())
    text += "\nhint: " + error.hint;
  return text;
}

} // namespace

cleave_status fail(std::string code, std::string text) noexcept {
  LastError &last = lastError();
  last.code = std::move(code);
  last.text = std::move(text);
  return statusOf(last.code);
}

cleave_status finish(const Status &status) noexcept {
  if (status.ok())
    return CLEAVE_OK;
  try {
    return fail(status.error().code, textOf(status.error()));
  } catch (...) {
    return outOfMemory();
  }
}

// Short enough for the strings' own room: nothing is allocated.
cleave_status outOfMemory() noexcept {
  LastError &last = lastError();
  last.code.assign("E702");
  last.text.assign("E702: no memory");
  return CLEAVE_NO_MEMORY;
}

Error nullArgument(const char *name) {
  return {"E720", std::string("an argument must not be NULL, found '") + name + "' to be", "", {}, ""};
}

Error wrongOrder(const std::string &rule, const std::string &found) {
  return {"E721", rule + ", found " + found, "", {}, ""};
}

Error busyInstance() {
  return {"E722",
          "an instance must be used by one thread at a time, found a call under way",
          "",
          {},
          "make an instance for each thread, or wait for the other call"};
}

} // namespace cleave::rt::abi

using namespace cleave::rt::abi;

int32_t cleave_rt_abi_version(void) noexcept { return CLEAVE_ABI_VERSION; }
const char *cleave_version(void) noexcept { return CLEAVE_VERSION; }
int32_t cleave_api_version(void) noexcept { return CLEAVE_API_VERSION; }

const char *cleave_last_error(void) noexcept { return lastError().text.c_str(); }
const char *cleave_last_error_code(void) noexcept { return lastError().code.c_str(); }

const char *cleave_status_name(int32_t status) noexcept {
  switch (status) {
  case CLEAVE_OK:
    return "CLEAVE_OK";
  case CLEAVE_INVALID_ARGUMENT:
    return "CLEAVE_INVALID_ARGUMENT";
  case CLEAVE_UNKNOWN_NAME:
    return "CLEAVE_UNKNOWN_NAME";
  case CLEAVE_MISMATCH:
    return "CLEAVE_MISMATCH";
  case CLEAVE_WRONG_ORDER:
    return "CLEAVE_WRONG_ORDER";
  case CLEAVE_BUSY:
    return "CLEAVE_BUSY";
  case CLEAVE_BAD_FILE:
    return "CLEAVE_BAD_FILE";
  case CLEAVE_NO_MEMORY:
    return "CLEAVE_NO_MEMORY";
  case CLEAVE_RUN_FAILED:
    return "CLEAVE_RUN_FAILED";
  case CLEAVE_INCOMPATIBLE:
    return "CLEAVE_INCOMPATIBLE";
  case CLEAVE_REJECTED:
    return "CLEAVE_REJECTED";
  case CLEAVE_INTERNAL:
    return "CLEAVE_INTERNAL";
  }
  return "CLEAVE_STATUS_?";
}

const char *cleave_type_name(int32_t type) noexcept {
  bool known = type >= CLEAVE_F32 && type <= CLEAVE_BOOL;
  return known ? cleave::rt::nameOf(static_cast<cleave::rt::Type>(type)) : nullptr;
}

size_t cleave_type_bytes(int32_t type) noexcept {
  bool known = type >= CLEAVE_F32 && type <= CLEAVE_BOOL;
  return known ? cleave::rt::sizeOf(static_cast<cleave::rt::Type>(type)) : 0;
}
