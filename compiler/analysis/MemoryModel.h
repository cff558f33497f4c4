// Memory that remembers which value each byte holds. See StageChecks.h.
#ifndef CLEAVE_COMPILER_ANALYSIS_MEMORYMODEL_H
#define CLEAVE_COMPILER_ANALYSIS_MEMORYMODEL_H

#include "llvm/ADT/SmallVector.h"

#include <cstdint>
#include <map>

namespace cleave::analysis {

// `bytes` bytes of value `token`, from its byte `offset` on. Token 0: never written.
struct Piece {
  int64_t token = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
  bool operator==(const Piece &other) const {
    return token == other.token && offset == other.offset && bytes == other.bytes;
  }
};
using Content = llvm::SmallVector<Piece, 1>;

// Joins neighbours that continue each other, so that equal contents compare equal.
Content normalized(const Content &content);
// `bytes` bytes of a content, from `offset` on.
Content slice(const Content &content, int64_t offset, int64_t bytes);

// Which piece each byte of one region holds.
class RegionModel {
public:
  void write(int64_t offset, const Content &content);
  Content read(int64_t offset, int64_t bytes) const;

  // Bytes where `other` holds something else hold `token` from now on.
  void blur(const RegionModel &other, int64_t token);

private:
  void cut(int64_t offset, int64_t bytes);
  std::map<int64_t, Piece> pieces; // by offset, no overlaps
};

} // namespace cleave::analysis

#endif
