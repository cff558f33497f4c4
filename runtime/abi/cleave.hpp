// Cleave inside a C++ program: cleave.h as objects. Header only, C++17; link what cleave.h needs.
//
//   cleave::Program program = cleave::Program::load("model.cleave");
//   cleave::Instance instance(program);
//   instance.initialise(/*seed=*/1);
//   std::vector<float> x(256), y(10);
//   instance.bindInput("apply", "x", x);   // read in place at every run
//   instance.bindOutput("apply", "y", y);  // written in place
//   instance.run("apply");
//
// Errors are thrown as cleave::Error, here in the caller's own code: none crosses the C interface. Types are
// checked: a vector of double is no value for an f32. Threads, ownership and lifetimes are cleave.h's.
#ifndef CLEAVE_RUNTIME_ABI_CLEAVE_HPP
#define CLEAVE_RUNTIME_ABI_CLEAVE_HPP

#include "cleave.h"

#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace cleave {

// What a call found: what() has the rule and what was found, notes and a hint.
class Error : public std::runtime_error {
public:
  Error(cleave_status status, std::string code, const std::string &text)
      : std::runtime_error(text), kind(status), number(std::move(code)) {}
  cleave_status status() const { return kind; }
  const std::string &code() const { return number; } // "E510"

private:
  cleave_status kind;
  std::string number;
};

// Throws what the last call on this thread found, when it failed.
inline void check(cleave_status status) {
  if (status != CLEAVE_OK)
    throw Error(status, cleave_last_error_code(), cleave_last_error());
}

// Whether elements of a C++ type are those of a type of the language. 16-bit floats are held as their bits.
template <class T> constexpr bool holds(cleave_type type) {
  using Element = std::remove_cv_t<T>;
  if constexpr (std::is_same_v<Element, float>)
    return type == CLEAVE_F32;
  else if constexpr (std::is_same_v<Element, double>)
    return type == CLEAVE_F64;
  else if constexpr (std::is_same_v<Element, bool>)
    return type == CLEAVE_BOOL;
  else if constexpr (!std::is_integral_v<Element>)
    return false;
  else if constexpr (sizeof(Element) == 2)
    return std::is_unsigned_v<Element> && (type == CLEAVE_BF16 || type == CLEAVE_F16);
  else if constexpr (sizeof(Element) == 1)
    return std::is_signed_v<Element> ? type == CLEAVE_I8 : type == CLEAVE_U8 || type == CLEAVE_BOOL;
  else if constexpr (sizeof(Element) == 4)
    return std::is_signed_v<Element> && type == CLEAVE_I32;
  else
    return std::is_signed_v<Element> && type == CLEAVE_I64;
}

// A compiled program. Copies share it; any number of threads may use it.
class Program {
public:
  // An artefact that `cleave build` made.
  static Program load(const std::string &path) {
    cleave_program *made = nullptr;
    check(cleave_program_load(path.c_str(), &made));
    return Program(made);
  }
  static Program load(const void *data, size_t bytes) {
    cleave_program *made = nullptr;
    check(cleave_program_load_memory(data, bytes, &made));
    return Program(made);
  }
  // Takes a handle over.
  explicit Program(cleave_program *owned) : owned(owned, cleave_program_release) {}

  cleave_program *handle() const { return owned.get(); }
  // Entries, inputs, outputs, states; valid as long as a copy of this.
  const cleave_program_info &info() const { return *cleave_program_describe(owned.get()); }

  // Null where there is none.
  const cleave_entry_info *entry(const std::string &name) const {
    for (size_t i = 0; i < info().entry_count; ++i)
      if (name == info().entries[i]->name)
        return info().entries[i];
    return nullptr;
  }
  const cleave_tensor_info *input(const std::string &entryName, const std::string &name) const {
    const cleave_entry_info *found = entry(entryName);
    return found ? find(found->inputs, found->input_count, name) : nullptr;
  }
  const cleave_tensor_info *output(const std::string &entryName, const std::string &name) const {
    const cleave_entry_info *found = entry(entryName);
    return found ? find(found->outputs, found->output_count, name) : nullptr;
  }

private:
  static const cleave_tensor_info *find(const cleave_tensor_info *const *infos, size_t count,
                                        const std::string &name) {
    for (size_t i = 0; i < count; ++i)
      if (name == infos[i]->name)
        return infos[i];
    return nullptr;
  }

  std::shared_ptr<cleave_program> owned;
};

struct Options {
  int threads = 0;             // of each rank; counts the calling one. 0: one per processor, shared out
  bool pinThreads = false;     // tie the others to processors
  bool allowNonFinite = false; // go on when a scalar output is NaN or infinite
  int64_t memoryLimit = 0;     // bytes it may take; 0: what the machine has, negative: any
  int64_t mostRanks = 0;       // that may be started in this process; 0: eight per processor
  // Receives a line that the program prints; empty: standard output. What it throws leaves run() when the run
  // is over.
  std::function<void(const char *line)> print;
};

// A program with a state, buffers and threads of its own, on all ranks of its plan. One thread at a time.
class Instance {
public:
  explicit Instance(Program program, Options options = {})
      : made(std::move(program)), printer(std::make_unique<Printer>()) {
    printer->print = std::move(options.print);
    cleave_instance_options given = CLEAVE_INSTANCE_OPTIONS;
    given.threads = options.threads;
    given.pin_threads = options.pinThreads;
    given.allow_non_finite = options.allowNonFinite;
    given.memory_limit = options.memoryLimit;
    given.most_ranks = options.mostRanks;
    if (printer->print) {
      given.print = Printer::call;
      given.print_user = printer.get();
    }
    cleave_instance *created = nullptr;
    check(cleave_instance_create(made.handle(), &given, &created));
    owned.reset(created);
  }

  const Program &program() const { return made; }
  cleave_instance *handle() const { return owned.get(); }

  void initialise(int64_t seed = 0) { checkRun(cleave_initialise(owned.get(), seed)); }
  void run(const std::string &entry) { checkRun(cleave_run(owned.get(), entry.c_str())); }

  // `values` is anything with data() and size(): a std::vector, a std::array, a C array.
  template <class Values>
  void setInput(const std::string &entry, const std::string &input, const Values &values) {
    checkType(std::data(values), made.input(entry, input));
    check(cleave_set_input(owned.get(), entry.c_str(), input.c_str(), std::data(values), bytesOf(values)));
  }
  // The values stay where they are, and live as long as they are bound.
  template <class Values>
  void bindInput(const std::string &entry, const std::string &input, const Values &values) {
    checkType(std::data(values), made.input(entry, input));
    check(cleave_bind_input(owned.get(), entry.c_str(), input.c_str(), std::data(values), bytesOf(values)));
  }
  template <class Values> void bindInput(const std::string &, const std::string &, const Values &&) = delete;
  template <class Values>
  void bindOutput(const std::string &entry, const std::string &output, Values &values) {
    checkType(std::data(values), made.output(entry, output));
    check(cleave_bind_output(owned.get(), entry.c_str(), output.c_str(), std::data(values), bytesOf(values)));
  }
  void unbindInput(const std::string &entry, const std::string &input) {
    check(cleave_unbind_input(owned.get(), entry.c_str(), input.c_str()));
  }
  void unbindOutput(const std::string &entry, const std::string &output) {
    check(cleave_unbind_output(owned.get(), entry.c_str(), output.c_str()));
  }
  // A copy of what the last run gave.
  template <class T> std::vector<T> output(const std::string &entry, const std::string &output) {
    const cleave_tensor_info *info = made.output(entry, output);
    checkType(static_cast<const T *>(nullptr), info);
    std::vector<T> values(info ? static_cast<size_t>(info->bytes) / sizeof(T) : 0);
    check(cleave_get_output(owned.get(), entry.c_str(), output.c_str(), values.data(), bytesOf(values)));
    return values;
  }
  // Where it lies: until the entry runs again.
  template <class T> const T *outputData(const std::string &entry, const std::string &output) {
    checkType(static_cast<const T *>(nullptr), made.output(entry, output));
    const void *data = nullptr;
    check(cleave_output_data(owned.get(), entry.c_str(), output.c_str(), &data));
    return static_cast<const T *>(data);
  }

  // States by path; their type is the caller's to know, their size is checked.
  template <class Values> void getState(const std::string &path, Values &values) {
    check(cleave_get_state(owned.get(), path.c_str(), std::data(values), bytesOf(values)));
  }
  template <class Values> void setState(const std::string &path, const Values &values) {
    check(cleave_set_state(owned.get(), path.c_str(), std::data(values), bytesOf(values)));
  }
  int64_t step() {
    int64_t steps = 0;
    check(cleave_step(owned.get(), &steps));
    return steps;
  }
  void save(const std::string &path) { check(cleave_save(owned.get(), path.c_str())); }
  void load(const std::string &path) { check(cleave_load(owned.get(), path.c_str())); }
  // Published weights by a mapping of the program; empty: the only one.
  void loadWeights(const std::string &path, const std::string &mapping = "") {
    check(cleave_load_weights(owned.get(), path.c_str(), mapping.c_str()));
  }

  // DLPack, without a copy. On success the tensor is the instance's.
  void bindInput(const std::string &entry, const std::string &input, DLManagedTensor *tensor) {
    check(cleave_bind_input_dlpack(owned.get(), entry.c_str(), input.c_str(), tensor));
  }
  void bindInput(const std::string &entry, const std::string &input, DLManagedTensorVersioned *tensor) {
    check(cleave_bind_input_dlpack_versioned(owned.get(), entry.c_str(), input.c_str(), tensor));
  }
  void bindOutput(const std::string &entry, const std::string &output, DLManagedTensor *tensor) {
    check(cleave_bind_output_dlpack(owned.get(), entry.c_str(), output.c_str(), tensor));
  }
  void bindOutput(const std::string &entry, const std::string &output, DLManagedTensorVersioned *tensor) {
    check(cleave_bind_output_dlpack_versioned(owned.get(), entry.c_str(), output.c_str(), tensor));
  }
  // The caller calls the tensor's deleter.
  DLManagedTensorVersioned *outputTensor(const std::string &entry, const std::string &output) {
    DLManagedTensorVersioned *tensor = nullptr;
    check(cleave_output_dlpack_versioned(owned.get(), entry.c_str(), output.c_str(), &tensor));
    return tensor;
  }
  DLManagedTensorVersioned *stateTensor(const std::string &path) {
    DLManagedTensorVersioned *tensor = nullptr;
    check(cleave_state_dlpack_versioned(owned.get(), path.c_str(), &tensor));
    return tensor;
  }

private:
  struct Printer {
    std::function<void(const char *)> print;
    std::exception_ptr thrown;
    static void call(void *user, const char *line) {
      auto &self = *static_cast<Printer *>(user);
      try {
        self.print(line);
      } catch (...) {
        self.thrown = std::current_exception();
      }
    }
  };
  struct Release {
    void operator()(cleave_instance *instance) const { cleave_instance_release(instance); }
  };

  void checkRun(cleave_status status) {
    if (printer->thrown)
      std::rethrow_exception(std::exchange(printer->thrown, nullptr));
    check(status);
  }
  template <class Values> static size_t bytesOf(const Values &values) {
    return std::size(values) * sizeof(*std::data(values));
  }
  // An unknown name is left to the call itself, which suggests another.
  template <class T> static void checkType(const T *, const cleave_tensor_info *info) {
    if (info && !holds<T>(info->type))
      throw Error(CLEAVE_MISMATCH, "E731",
                  std::string("E731: values must have the type of what they are for, ") +
                      cleave_type_name(info->type) + ", found another for '" + info->name + "'");
  }

  Program made;
  std::unique_ptr<Printer> printer;
  std::unique_ptr<cleave_instance, Release> owned;
};

} // namespace cleave

#endif
