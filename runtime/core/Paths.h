// Paths of what a program names, `gpt.blocks[*].up.w`, as the compiler, the runtime and the tools read them.
//
// A bracket stands behind a repeat: `[*]` is all of its layers, `[3]` one of them, `[2..5]` those from 2 up
// to before 5. A tensor under such a path has a leading size for each bracket. Steps are between dots.
#ifndef CLEAVE_RUNTIME_CORE_PATHS_H
#define CLEAVE_RUNTIME_CORE_PATHS_H

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cleave::rt {

// What a bracket says.
struct Layers {
  int64_t begin = 0, end = -1; // end < 0: all

  bool all() const { return end < 0; }
  bool contains(const Layers &other) const {
    return all() || (!other.all() && begin <= other.begin && other.end <= end);
  }
  bool overlaps(const Layers &other) const {
    return all() || other.all() || (begin < other.end && other.begin < end);
  }
  std::string text() const {
    if (all())
      return "[*]";
    std::string first = "[" + std::to_string(begin);
    return first + (end == begin + 1 ? "]" : ".." + std::to_string(end) + "]");
  }
};

// From `[` on; none where it is no bracket of a path.
inline bool readLayers(std::string_view text, Layers &layers, size_t &length) {
  size_t close = text.find(']');
  if (text.empty() || text[0] != '[' || close == std::string_view::npos)
    return false;
  length = close + 1;
  std::string_view inside = text.substr(1, close - 1);
  if (inside == "*") {
    layers = {};
    return true;
  }
  const char *end = inside.data() + inside.size();
  auto [stop, failure] = std::from_chars(inside.data(), end, layers.begin);
  layers.end = layers.begin + 1;
  if (failure == std::errc() && stop == end)
    return layers.begin >= 0;
  if (failure != std::errc() || end - stop < 3 || stop[0] != '.' || stop[1] != '.')
    return false;
  auto [last, other] = std::from_chars(stop + 2, end, layers.end);
  return other == std::errc() && last == end && 0 <= layers.begin && layers.begin < layers.end;
}

// Of each bracket, in order.
inline std::vector<Layers> layersOf(std::string_view path) {
  std::vector<Layers> all;
  for (size_t at = path.find('['); at != std::string_view::npos; at = path.find('[', at + 1)) {
    Layers layers;
    size_t length;
    if (readLayers(path.substr(at), layers, length))
      all.push_back(layers);
  }
  return all;
}

// The path with these brackets instead of its own, in order; those behind stay.
inline std::string withLayers(std::string_view path, const std::vector<Layers> &wanted) {
  std::string result;
  size_t next = 0, from = 0;
  for (size_t at = path.find('['); at != std::string_view::npos; at = path.find('[', at + 1)) {
    Layers layers;
    size_t length;
    if (next == wanted.size() || !readLayers(path.substr(at), layers, length))
      continue;
    result += std::string(path.substr(from, at - from)) + wanted[next++].text();
    from = at + length;
  }
  return result + std::string(path.substr(from));
}

// "gpt.blocks[2..5].w" -> "gpt.blocks[*].w"
inline std::string withAllLayers(std::string_view path) {
  return withLayers(path, std::vector<Layers>(layersOf(path).size()));
}

// Of one tensor of a stack: "gpt.blocks[2..5].w", {1} -> "gpt.blocks[3].w"
inline std::string layerAt(std::string_view path, const std::vector<int64_t> &indices) {
  std::vector<Layers> layers = layersOf(path);
  for (size_t i = 0; i < layers.size() && i < indices.size(); ++i)
    layers[i] = {layers[i].begin + indices[i], layers[i].begin + indices[i] + 1};
  if (layers.size() > indices.size())
    layers.resize(indices.size());
  return withLayers(path, layers);
}

// Whether a step of a selector names a step of a path: `*` any, `blocks[0..3]` also `blocks[1]`.
inline bool selectsStep(std::string_view wanted, std::string_view step) {
  if (wanted == "*" || wanted == step)
    return true;
  size_t at = wanted.find('[');
  Layers of, in;
  size_t length;
  return at != std::string_view::npos && step.substr(0, at) == wanted.substr(0, at) &&
         readLayers(wanted.substr(at), of, length) && readLayers(step.substr(at), in, length) &&
         of.contains(in);
}

// Whether a selector names a path: its first steps, or all of it. Several patterns are separated by ", "; ""
// names everything.
//
//   selects("gpt.blocks[*].up", "gpt.blocks[2].up.w"), selects("gpt.*.w", "gpt.head.w")
inline bool selects(std::string_view selector, std::string_view path) {
  if (selector.empty())
    return true;
  auto cutAt = [](std::string_view &text, std::string_view mark) {
    size_t at = text.find(mark);
    std::string_view head = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + mark.size());
    return head;
  };
  auto stepOf = [](std::string_view &text) { // a bracket may have dots
    size_t at = 0, depth = 0;
    for (; at < text.size() && (text[at] != '.' || depth > 0); ++at)
      depth += text[at] == '[' ? 1 : text[at] == ']' && depth > 0 ? -1 : 0;
    std::string_view step = text.substr(0, at);
    text = at < text.size() ? text.substr(at + 1) : std::string_view();
    return step;
  };
  while (!selector.empty()) {
    std::string_view pattern = cutAt(selector, ", "), rest = path;
    bool matches = true;
    while (matches && !pattern.empty())
      matches = !rest.empty() && selectsStep(stepOf(pattern), stepOf(rest));
    if (matches)
      return true;
  }
  return false;
}

} // namespace cleave::rt

#endif
