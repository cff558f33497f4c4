// Published weights -> the states of a program, by the mapping that the program declares (`weights`).
#ifndef CLEAVE_RUNTIME_CORE_WEIGHTS_H
#define CLEAVE_RUNTIME_CORE_WEIGHTS_H

#include "runtime/core/Error.h"
#include "runtime/core/Program.h"

namespace cleave::rt {

class ThreadPool;

// Reads `path` (a file, an index, a folder: WeightFiles.h) into the states at `base`, or leaves all as they
// are. `name`: which declaration; empty: the only one. The files are mapped, and given back tensor by tensor,
// so that the model is never in memory twice. The program has passed verify(). Errors: those of WeightFiles,
// and
//   E614 tensors that the program wants and the file has not, or that nothing reads
//   E615 a tensor of another shape       E616 a tensor of a type that the declaration does not name
//   E618 no such declaration
Status loadWeights(const std::string &path, const std::string &name, const Program &program, char *base,
                   ThreadPool &pool, int64_t rank = 0);

} // namespace cleave::rt

#endif
