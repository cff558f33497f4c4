/* Cleave's compiler inside another program: text in, a program of cleave.h out, for this machine's processor.
 * Link Cleave::Compiler (pkg-config: cleave); it brings LLVM.
 *
 *   cleave_compile_options options = CLEAVE_COMPILE_OPTIONS;
 *   const char *const sets[] = {"Hidden=128"};
 *   options.sets = sets;
 *   options.set_count = 1;
 *   cleave_program *program = NULL;
 *   if (cleave_compile("curve.dsl", &options, &program) != CLEAVE_OK)
 *     fprintf(stderr, "%s\n", cleave_last_error());
 */
#ifndef CLEAVE_RUNTIME_ABI_COMPILER_H
#define CLEAVE_RUNTIME_ABI_COMPILER_H

#include "cleave.h"

/* NOLINTBEGIN(readability-identifier-naming,modernize-*): C names */
#ifdef __cplusplus
extern "C" {
#endif

/* Begin with `cleave_compile_options options = CLEAVE_COMPILE_OPTIONS;`. Arrays may go when the call
 * returns. */
typedef struct cleave_compile_options {
  size_t struct_size;      /* sizeof(cleave_compile_options): what the caller knows of it */
  const char *const *sets; /* "NAME=VALUE": sizes of axes, values of hyper-parameters */
  size_t set_count;
  const char *const *entries; /* those to compile; none: all. `init` always is */
  size_t entry_count;
  /* Folder of the standard library; NULL: $CLEAVE_STDLIB, else the one installed with this. */
  const char *stdlib;
  /* Folder that keeps compiled programs and finds them again by all they were made from; "": the one of
   * `cleave run`; NULL: none. */
  const char *cache;
  const char *plan;        /* how it is spread over ranks, as --plan; NULL: not at all */
  const char *const *mesh; /* "AXIS=SIZE": sizes of the plan's mesh axes */
  size_t mesh_count;
} cleave_compile_options;
#define CLEAVE_COMPILE_OPTIONS {sizeof(cleave_compile_options), NULL, 0, NULL, 0, NULL, NULL, NULL, NULL, 0}

/* Compiles a program's file. `options` may be NULL. CLEAVE_REJECTED: cleave_last_error() has every diagnostic
 * with its place and the line of the program. Any number of threads may compile at once. */
CLEAVE_API cleave_status cleave_compile(const char *file, const cleave_compile_options *options,
                                        cleave_program **program) CLEAVE_NOEXCEPT;

#ifdef __cplusplus
}
#endif
/* NOLINTEND(readability-identifier-naming,modernize-*) */

#endif
