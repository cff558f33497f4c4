// Errors of the runtime as data: no exceptions, no printing. The tools turn them into diagnostics.
//
//   Result<Npy> npy = Npy::open(path);
//   if (!npy)
//     return npy.error();
#ifndef CLEAVE_RUNTIME_CORE_ERROR_H
#define CLEAVE_RUNTIME_CORE_ERROR_H

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cleave::rt {

// One diagnostic: the rule, then what was found.
struct Error {
  std::string code; // "E503"; the list is in ../README.md
  std::string message;
  std::string location; // "file:line:column" of the program text involved, or empty
  std::vector<std::string> notes;
  std::string hint;
};

// Success, or an error.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(Error error) : failure(std::move(error)) {}
  bool ok() const { return !failure; }
  explicit operator bool() const { return ok(); }
  const Error &error() const { return *failure; }

private:
  std::optional<Error> failure;
};

// A value, or an error.
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return content.index() == 0; }
  explicit operator bool() const { return ok(); }
  T &operator*() { return std::get<0>(content); }
  const T &operator*() const { return std::get<0>(content); }
  T *operator->() { return &std::get<0>(content); }
  const T *operator->() const { return &std::get<0>(content); }
  const Error &error() const { return std::get<1>(content); }

private:
  std::variant<T, Error> content;
};

} // namespace cleave::rt

#endif
