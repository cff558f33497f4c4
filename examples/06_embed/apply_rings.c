/* Loads an artefact of rings.dsl and what training it saved, and says on which ring points lie.
 *
 *   apply-rings rings.cleave rings.safetensors
 *
 * No compiler and no LLVM in this process. */
#include <cleave/cleave.h>

#include <stdio.h>
#include <string.h>

enum { BATCH = 64, POINTS = 4 };

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, cleave_last_error());
  return 1;
}

/* The input of that name, whose type and sizes a careful program looks at before it binds memory to it. */
static const cleave_tensor_info *find_input(const cleave_program *program, const char *entry,
                                            const char *input) {
  const cleave_program_info *info = cleave_program_describe(program);
  size_t i, k;
  for (i = 0; i < info->entry_count; ++i)
    for (k = 0; k < info->entries[i]->input_count; ++k)
      if (strcmp(info->entries[i]->name, entry) == 0 && strcmp(info->entries[i]->inputs[k]->name, input) == 0)
        return info->entries[i]->inputs[k];
  return NULL;
}

static int apply(cleave_instance *instance, const char *saved) {
  /* Points beyond those that are asked for fill the batch. */
  float x[BATCH][2] = {{0.5f, 0.0f}, {0.0f, -1.5f}, {1.8f, 1.8f}, {-0.3f, 0.4f}};
  int32_t ring[BATCH];
  int i;
  if (cleave_load(instance, saved) != CLEAVE_OK)
    return failed(saved);
  if (cleave_bind_input(instance, "apply", "x", x, sizeof(x)) != CLEAVE_OK ||
      cleave_bind_output(instance, "apply", "ring", ring, sizeof(ring)) != CLEAVE_OK ||
      cleave_run(instance, "apply") != CLEAVE_OK)
    return failed("apply");
  for (i = 0; i < POINTS; ++i)
    printf("(%.1f, %.1f) ring %d\n", x[i][0], x[i][1], (int)ring[i]);
  return 0;
}

int main(int count, char **arguments) {
  cleave_program *program = NULL;
  cleave_instance *instance = NULL;
  const cleave_tensor_info *x;
  int status;
  if (count != 3) {
    fprintf(stderr, "usage: apply-rings ARTEFACT SAVED.safetensors\n");
    return 2;
  }
  if (cleave_api_version() != CLEAVE_API_VERSION) {
    fprintf(stderr, "made for API %d, found %d\n", CLEAVE_API_VERSION, (int)cleave_api_version());
    return 1;
  }
  if (cleave_program_load(arguments[1], &program) != CLEAVE_OK)
    return failed(arguments[1]);
  x = find_input(program, "apply", "x");
  if (!x || x->type != CLEAVE_F32 || x->rank != 2 || x->sizes[0] != BATCH || x->sizes[1] != 2) {
    fprintf(stderr, "%s is no program for points in the plane, %d at a time\n", arguments[1], BATCH);
    return 1;
  }
  if (cleave_instance_create(program, NULL, &instance) != CLEAVE_OK)
    return failed("create");
  status = apply(instance, arguments[2]);
  cleave_instance_release(instance);
  cleave_program_release(program);
  return status;
}
