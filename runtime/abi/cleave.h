/* Cleave inside another program: the C interface of the runtime. Needs no LLVM and no Python.
 *
 *   cleave_program *program = NULL;
 *   cleave_instance *instance = NULL;
 *   float x[256] = {0}, y[10];
 *   if (cleave_program_load("model.cleave", &program) != CLEAVE_OK ||
 *       cleave_instance_create(program, NULL, &instance) != CLEAVE_OK ||
 *       cleave_initialise(instance, 1) != CLEAVE_OK ||
 *       cleave_bind_input(instance, "apply", "x", x, sizeof(x)) != CLEAVE_OK ||
 *       cleave_bind_output(instance, "apply", "y", y, sizeof(y)) != CLEAVE_OK ||
 *       cleave_run(instance, "apply") != CLEAVE_OK)
 *     fprintf(stderr, "%s\n", cleave_last_error());
 *   cleave_instance_release(instance);
 *   cleave_program_release(program);
 *
 * Errors. A function that can fail returns a status; what it would have given is then untouched (a handle
 * asked for becomes NULL). cleave_last_error() has the words. Nothing here throws, exits or prints, except
 * what a program's own `print` writes where no callback takes it.
 *
 * Threads. A program may be used by any number of threads at once. An instance is used by one thread at a
 * time, whichever it is: a call that finds another one under way returns CLEAVE_BUSY and does nothing. No
 * state is global; the last error belongs to the thread that met it.
 *
 * Ownership. What a `_create` or `_load` function gave is freed by its `_release` function. An instance keeps
 * its program alive. Strings and infos belong to the handle they were asked of and live as long as it does.
 *
 * Tensors are dense and row-major. A bool takes a byte, 0 or 1. Sizes are in bytes where they say so, else in
 * elements. A caller's buffer is aligned to its elements; 64 bytes is fastest.
 *
 * Versions. Within one CLEAVE_API_VERSION functions are only added, infos and options only grow at their end.
 */
#ifndef CLEAVE_RUNTIME_ABI_CLEAVE_H
#define CLEAVE_RUNTIME_ABI_CLEAVE_H

#include <stddef.h>
#include <stdint.h>

/* NOLINTBEGIN(readability-identifier-naming,modernize-*): C names */

#if defined(__GNUC__)
#define CLEAVE_API __attribute__((visibility("default")))
#else
#define CLEAVE_API
#endif
#ifdef __cplusplus
#define CLEAVE_NOEXCEPT noexcept
extern "C" {
#else
#define CLEAVE_NOEXCEPT
#endif

/* ---- Versions ------------------------------------------------------------------------------------ */

/* The version of this header, which is that of the release. */
#define CLEAVE_VERSION_MAJOR 0
#define CLEAVE_VERSION_MINOR 1
#define CLEAVE_VERSION_PATCH 0
#define CLEAVE_VERSION "0.1.0"

/* Binary interface of this header. The library's file name ends in it. */
#define CLEAVE_API_VERSION 1

/* Interface between generated code and the runtime: an artefact runs only with the one it was made for. */
#define CLEAVE_ABI_VERSION 1
CLEAVE_API int32_t cleave_rt_abi_version(void) CLEAVE_NOEXCEPT;

/* The version of the library that was loaded, "0.1.0", and its binary interface. */
CLEAVE_API const char *cleave_version(void) CLEAVE_NOEXCEPT;
CLEAVE_API int32_t cleave_api_version(void) CLEAVE_NOEXCEPT;

/* ---- Errors -------------------------------------------------------------------------------------- */

typedef enum cleave_status {
  CLEAVE_OK = 0,
  CLEAVE_INVALID_ARGUMENT = 1, /* NULL where a value is needed, a number out of its range */
  CLEAVE_UNKNOWN_NAME = 2,     /* no such entry, input, output or state */
  CLEAVE_MISMATCH = 3,         /* wrong type, shape, strides, device, alignment or number of bytes */
  CLEAVE_WRONG_ORDER = 4,      /* run before initialise, an output before its run, an input without value */
  CLEAVE_BUSY = 5,             /* another thread is using the instance */
  CLEAVE_BAD_FILE = 6,     /* artefact, saved state or data file: missing, damaged or of another program */
  CLEAVE_NO_MEMORY = 7,    /* the program does not fit, or the system refuses memory */
  CLEAVE_RUN_FAILED = 8,   /* a value is not finite, or an assertion of the program failed */
  CLEAVE_INCOMPATIBLE = 9, /* made for another version, or another processor */
  CLEAVE_REJECTED = 10,    /* the compiler rejected the program's text */
  CLEAVE_INTERNAL = 11     /* a fault of Cleave; please report it */
} cleave_status;

/* What the last call that failed on this thread found: "E510: RULE, then what was found", and lines with
 * notes and a hint where there are some; "" when none failed. Valid until the next failing call on this
 * thread. */
CLEAVE_API const char *cleave_last_error(void) CLEAVE_NOEXCEPT;
/* Its code alone, "E510"; "" when none failed. The list is in runtime/README.md. */
CLEAVE_API const char *cleave_last_error_code(void) CLEAVE_NOEXCEPT;
/* "CLEAVE_BUSY"; "CLEAVE_STATUS_?" for a number that is none. */
CLEAVE_API const char *cleave_status_name(int32_t status) CLEAVE_NOEXCEPT;

/* ---- Programs ------------------------------------------------------------------------------------ */

/* A compiled program: code, entries, what its state holds. Immutable; any number of threads may use it. */
typedef struct cleave_program cleave_program;

typedef enum cleave_type {
  CLEAVE_F32 = 0,
  CLEAVE_F64 = 1,
  CLEAVE_BF16 = 2,
  CLEAVE_F16 = 3,
  CLEAVE_I8 = 4,
  CLEAVE_I32 = 5,
  CLEAVE_I64 = 6,
  CLEAVE_U8 = 7,
  CLEAVE_BOOL = 8
} cleave_type;

/* "f32"; NULL for a number that is no type. */
CLEAVE_API const char *cleave_type_name(int32_t type) CLEAVE_NOEXCEPT;
/* Bytes of one element; 0 for a number that is no type. */
CLEAVE_API size_t cleave_type_bytes(int32_t type) CLEAVE_NOEXCEPT;

/* An input, an output or a state. Made by the library alone. */
typedef struct cleave_tensor_info {
  const char *name; /* a state: its path, `gpt.blocks[*].up.w` where it is stacked over a repeat */
  const char *kind; /* "input", "output"; a state: "param", "optimizer", "buffer", "counter" */
  cleave_type type;
  int32_t rank;
  const int64_t *sizes;    /* one per axis, elements; those of stacked axes lead */
  const char *const *axes; /* their names; "" for an axis without */
  int64_t bytes;
  const char *source; /* an input: the data source that feeds it where the caller gives no value; or NULL */
} cleave_tensor_info;

typedef struct cleave_entry_info {
  const char *name;
  size_t input_count;
  const cleave_tensor_info *const *inputs;
  size_t output_count;
  const cleave_tensor_info *const *outputs;
  size_t update_count; /* paths of the states it updates */
  const char *const *updates;
} cleave_entry_info;

typedef struct cleave_program_info {
  size_t entry_count;
  const cleave_entry_info *const *entries; /* also `init`, which cleave_initialise() runs */
  size_t state_count;
  const cleave_tensor_info *const *states;
  int64_t state_bytes;   /* per instance; of several ranks: of the first */
  int64_t scratch_bytes; /* the same: the largest entry's */
  const char *metadata;  /* JSON: the above, and by whom and for what the program was made */
  int64_t ranks;         /* of its plan's mesh; 1: it has no plan */
  const char *plan;      /* its name, and the hash of its content; "" where there is none */
  const char *plan_hash;
} cleave_program_info;

/* Loads an artefact that `cleave build` made. CLEAVE_BAD_FILE, CLEAVE_INCOMPATIBLE. */
CLEAVE_API cleave_status cleave_program_load(const char *path, cleave_program **program) CLEAVE_NOEXCEPT;
/* The same from memory. The bytes are copied where they are needed: they may go when the call returns. */
CLEAVE_API cleave_status cleave_program_load_memory(const void *data, size_t bytes,
                                                    cleave_program **program) CLEAVE_NOEXCEPT;
/* NULL is allowed. Instances made from it go on. */
CLEAVE_API void cleave_program_release(cleave_program *program) CLEAVE_NOEXCEPT;

/* Everything there is in it; NULL for NULL. */
CLEAVE_API const cleave_program_info *cleave_program_describe(const cleave_program *program) CLEAVE_NOEXCEPT;

/* ---- Instances ----------------------------------------------------------------------------------- */

/* A program with a state, buffers and threads of its own. One that was made under a plan runs on all ranks of
 * its mesh, each with threads of its own; values go in and come out whole. */
typedef struct cleave_instance cleave_instance;

/* Begin with `cleave_instance_options options = CLEAVE_INSTANCE_OPTIONS;`. */
typedef struct cleave_instance_options {
  size_t struct_size;       /* sizeof(cleave_instance_options): what the caller knows of it */
  int32_t threads;          /* of each rank; counts the calling one. 0: one per processor, shared out. Results
                               do not depend on it */
  int32_t pin_threads;      /* not 0: tie the others to processors */
  int32_t allow_non_finite; /* not 0: go on when a scalar output is NaN or infinite */
  int64_t memory_limit;     /* bytes it may take; 0: what the machine has, negative: any */
  /* Receives a line that the program prints, without its end. NULL: standard output. It may not use the
   * instance, which is busy. */
  void (*print)(void *user, const char *line);
  void *print_user;
  int64_t most_ranks; /* that may be started in this process; 0: eight per processor */
} cleave_instance_options;
#define CLEAVE_INSTANCE_OPTIONS {sizeof(cleave_instance_options), 0, 0, 0, 0, NULL, NULL, 0}

/* `options` may be NULL. CLEAVE_NO_MEMORY; CLEAVE_INVALID_ARGUMENT for more ranks than may be started. */
CLEAVE_API cleave_status cleave_instance_create(const cleave_program *program,
                                                const cleave_instance_options *options,
                                                cleave_instance **instance) CLEAVE_NOEXCEPT;
/* NULL is allowed. CLEAVE_BUSY while another thread is in a call: it is then not freed. Tensors given out by
 * cleave_output_dlpack() and cleave_state_dlpack() stay valid; buffers the caller bound are his own again. */
CLEAVE_API cleave_status cleave_instance_release(cleave_instance *instance) CLEAVE_NOEXCEPT;

/* Gives every state its initial value, which is a function of `seed` alone; step 0. */
CLEAVE_API cleave_status cleave_initialise(cleave_instance *instance, int64_t seed) CLEAVE_NOEXCEPT;

/* Runs an entry once, on the calling thread and the instance's own. CLEAVE_WRONG_ORDER before
 * cleave_initialise() or cleave_load(), and where an input has no value; CLEAVE_RUN_FAILED, the state is then
 * what it was before. */
CLEAVE_API cleave_status cleave_run(cleave_instance *instance, const char *entry) CLEAVE_NOEXCEPT;

/* ---- Inputs and outputs -------------------------------------------------------------------------- */

/* Copies a value into an input. It holds for every later run. */
CLEAVE_API cleave_status cleave_set_input(cleave_instance *instance, const char *entry, const char *input,
                                          const void *data, size_t bytes) CLEAVE_NOEXCEPT;
/* Lets each run read the caller's buffer in place (several ranks: copy from it). It must live, and may change
 * between runs, until the input is bound again, set or unbound, or the instance is released. */
CLEAVE_API cleave_status cleave_bind_input(cleave_instance *instance, const char *entry, const char *input,
                                           const void *data, size_t bytes) CLEAVE_NOEXCEPT;
/* Lets each run write the caller's buffer in place (several ranks: copy to it); as above. It may not overlap
 * another buffer bound to the same entry: CLEAVE_INVALID_ARGUMENT. */
CLEAVE_API cleave_status cleave_bind_output(cleave_instance *instance, const char *entry, const char *output,
                                            void *data, size_t bytes) CLEAVE_NOEXCEPT;
/* Gives the caller's buffer back: an input is without value then, an output in the instance's own memory. */
CLEAVE_API cleave_status cleave_unbind_input(cleave_instance *instance, const char *entry,
                                             const char *input) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_unbind_output(cleave_instance *instance, const char *entry,
                                              const char *output) CLEAVE_NOEXCEPT;
/* Copies what the last run of the entry gave. CLEAVE_WRONG_ORDER before it, and when it failed. */
CLEAVE_API cleave_status cleave_get_output(cleave_instance *instance, const char *entry, const char *output,
                                           void *data, size_t bytes) CLEAVE_NOEXCEPT;
/* Where it lies, without a copy: valid until the entry runs again or the instance is released. */
CLEAVE_API cleave_status cleave_output_data(cleave_instance *instance, const char *entry, const char *output,
                                            const void **data) CLEAVE_NOEXCEPT;

/* ---- State --------------------------------------------------------------------------------------- */

/* By path: `gpt.blocks[3].up.w`, or all of a repeat at once, `gpt.blocks[*].up.w`. CLEAVE_WRONG_ORDER before
 * cleave_initialise() or cleave_load(). */
CLEAVE_API cleave_status cleave_get_state(cleave_instance *instance, const char *path, void *data,
                                          size_t bytes) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_set_state(cleave_instance *instance, const char *path, const void *data,
                                          size_t bytes) CLEAVE_NOEXCEPT;
/* Steps of training made so far; 0 where a program has no such state. */
CLEAVE_API cleave_status cleave_step(cleave_instance *instance, int64_t *step) CLEAVE_NOEXCEPT;
/* Every state as a safetensors file, one tensor per path; a crash leaves the old file or the new one. */
CLEAVE_API cleave_status cleave_save(cleave_instance *instance, const char *path) CLEAVE_NOEXCEPT;
/* Every state from such a file, or, on an error, none of it. Takes the place of cleave_initialise(). */
CLEAVE_API cleave_status cleave_load(cleave_instance *instance, const char *path) CLEAVE_NOEXCEPT;

/* Published weights (a safetensors file, an index of such files, or their folder) into the states that a
 * mapping of the program names, `weights NAME for ...`; the others keep their values. `mapping` may be NULL
 * where there is one. CLEAVE_WRONG_ORDER before cleave_initialise() or cleave_load(); on an error no state
 * changes. */
CLEAVE_API cleave_status cleave_load_weights(cleave_instance *instance, const char *path,
                                             const char *mapping) CLEAVE_NOEXCEPT;

/* ---- DLPack -------------------------------------------------------------------------------------- */

/* The structs of https://dmlc.github.io/dlpack: include their header, or this library's <cleave/dlpack.h>,
 * to make or read one. A tensor must be in host memory (kDLCPU, kDLCUDAHost, kDLROCMHost), have the type and
 * shape of what it is bound to, be row-major without holes (or have no strides) and lie aligned to its
 * elements, `data` and `byte_offset` together: else CLEAVE_MISMATCH, and CLEAVE_INCOMPATIBLE for another
 * major version. */
struct DLTensor;
struct DLManagedTensor;
struct DLManagedTensorVersioned;

/* Bind a tensor without a copy. On success it belongs to the instance, which calls its deleter when it is
 * bound over, set, unbound or released; after an error it is the caller's still. */
CLEAVE_API cleave_status cleave_bind_input_dlpack(cleave_instance *instance, const char *entry,
                                                  const char *input,
                                                  struct DLManagedTensor *tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_bind_output_dlpack(cleave_instance *instance, const char *entry,
                                                   const char *output,
                                                   struct DLManagedTensor *tensor) CLEAVE_NOEXCEPT;
/* The same for tensors with a version (1.x). A read-only one is no output. */
CLEAVE_API cleave_status
cleave_bind_input_dlpack_versioned(cleave_instance *instance, const char *entry, const char *input,
                                   struct DLManagedTensorVersioned *tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status
cleave_bind_output_dlpack_versioned(cleave_instance *instance, const char *entry, const char *output,
                                    struct DLManagedTensorVersioned *tensor) CLEAVE_NOEXCEPT;

/* Copy a tensor's value, which stays the caller's. */
CLEAVE_API cleave_status cleave_set_input_dlpack(cleave_instance *instance, const char *entry,
                                                 const char *input,
                                                 const struct DLTensor *tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_set_state_dlpack(cleave_instance *instance, const char *path,
                                                 const struct DLTensor *tensor) CLEAVE_NOEXCEPT;

/* An output or a state without a copy. The tensor is the caller's, who calls its deleter, on any thread. It
 * keeps the memory alive beyond the instance's release, except a buffer that the caller himself bound. Later
 * runs write to the same memory; what several ranks have in parts is put together when it is asked for. */
CLEAVE_API cleave_status cleave_output_dlpack(cleave_instance *instance, const char *entry,
                                              const char *output,
                                              struct DLManagedTensor **tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_state_dlpack(cleave_instance *instance, const char *path,
                                             struct DLManagedTensor **tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status
cleave_output_dlpack_versioned(cleave_instance *instance, const char *entry, const char *output,
                               struct DLManagedTensorVersioned **tensor) CLEAVE_NOEXCEPT;
CLEAVE_API cleave_status cleave_state_dlpack_versioned(
    cleave_instance *instance, const char *path, struct DLManagedTensorVersioned **tensor) CLEAVE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-*) */

#endif
