#include "compiler/analysis/MemoryModel.h"

#include <algorithm>

using namespace cleave::analysis;

Content cleave::analysis::normalized(const Content &content) {
  Content joined;
  for (const Piece &piece : content) {
    if (piece.bytes == 0)
      continue;
    if (!joined.empty()) {
      Piece &last = joined.back();
      bool continues =
          last.token == piece.token && (piece.token == 0 || last.offset + last.bytes == piece.offset);
      if (continues) {
        last.bytes += piece.bytes;
        continue;
      }
    }
    joined.push_back(piece);
  }
  return joined;
}

Content cleave::analysis::slice(const Content &content, int64_t offset, int64_t bytes) {
  Content part;
  int64_t at = 0;
  for (const Piece &piece : content) {
    int64_t begin = std::max(at, offset), end = std::min(at + piece.bytes, offset + bytes);
    if (begin < end)
      part.push_back({piece.token, piece.token ? piece.offset + begin - at : 0, end - begin});
    at += piece.bytes;
  }
  return normalized(part);
}

// Makes room: pieces that reach into the range lose what lies in it.
void RegionModel::cut(int64_t offset, int64_t bytes) {
  auto it = pieces.upper_bound(offset);
  if (it != pieces.begin())
    --it;
  while (it != pieces.end() && it->first < offset + bytes) {
    int64_t begin = it->first, end = begin + it->second.bytes;
    if (end <= offset) {
      ++it;
      continue;
    }
    Piece old = it->second;
    it = pieces.erase(it);
    if (begin < offset)
      pieces[begin] = {old.token, old.offset, offset - begin};
    if (end > offset + bytes)
      pieces[offset + bytes] = {old.token, old.offset + (offset + bytes - begin), end - offset - bytes};
  }
}

void RegionModel::write(int64_t offset, const Content &content) {
  for (const Piece &piece : content) {
    cut(offset, piece.bytes);
    if (piece.bytes)
      pieces[offset] = piece;
    offset += piece.bytes;
  }
}

Content RegionModel::read(int64_t offset, int64_t bytes) const {
  Content found;
  int64_t at = offset, end = offset + bytes;
  auto it = pieces.upper_bound(offset);
  if (it != pieces.begin())
    --it;
  for (; it != pieces.end() && it->first < end; ++it) {
    int64_t begin = std::max(it->first, at), stop = std::min(it->first + it->second.bytes, end);
    if (begin >= stop)
      continue;
    if (begin > at)
      found.push_back({0, 0, begin - at});
    found.push_back({it->second.token, it->second.offset + begin - it->first, stop - begin});
    at = stop;
  }
  if (at < end)
    found.push_back({0, 0, end - at});
  return normalized(found);
}

void RegionModel::blur(const RegionModel &other, int64_t token) {
  auto compare = [&](const std::map<int64_t, Piece> &list) {
    llvm::SmallVector<std::pair<int64_t, int64_t>> differing;
    for (const auto &[offset, piece] : list)
      if (read(offset, piece.bytes) != other.read(offset, piece.bytes))
        differing.emplace_back(offset, piece.bytes);
    for (auto [offset, bytes] : differing)
      write(offset, {{token, 0, bytes}});
  };
  compare(other.pieces);
  compare(std::map<int64_t, Piece>(pieces));
}
