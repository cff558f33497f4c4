#include "runtime/core/Data.h"

#include "runtime/core/Blocks.h"
#include "runtime/core/File.h"
#include "runtime/core/Npy.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <glob.h>
#include <set>
#include <sys/stat.h>

namespace cleave::rt {

namespace {

// splitmix64's finaliser: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

uint64_t hash(uint64_t seed, uint64_t step, uint64_t index) { return mix(mix(mix(seed) ^ step) ^ index); }

Error sourceError(const char *code, const DataSource &source, const std::string &message) {
  return {code, message, source.location, {}, ""};
}

Error mismatch(const Port &input, const std::string &message) {
  return {"E504", message, input.location, {}, ""};
}

int64_t rowsOf(const Port &input) { return input.shape.sizes.empty() ? 1 : input.shape.sizes[0]; }

int64_t elementsPerRow(const Port &input) {
  int64_t product = 1;
  for (size_t i = 1; i < input.shape.sizes.size(); ++i)
    product *= input.shape.sizes[i];
  return product;
}

// Where each row of an input comes from: item `rowAt` of `items`.
int64_t rowAt(const Port &input, int64_t items, int64_t seed, int64_t step, int64_t row) {
  if (!input.ordered)
    return randomBelow(items, seed, step, row);
  // Unsigned, so that a step counter of any size wraps instead of overflowing.
  uint64_t at = static_cast<uint64_t>(step) * rowsOf(input) + row;
  return static_cast<int64_t>(at % items);
}

//===-- Windows of one long sequence ------------------------------------===//

// A source that is one row of elements: an input of rank 2 or more takes a window per row, one of rank 1 or 0
// a single window.
class SequenceDataset : public Dataset {
public:
  explicit SequenceDataset(const DataSource &source) : source(source) {}

  Status check(const Port &input) const override {
    if (Status status = checkType(input); !status)
      return status;
    int64_t window = windowOf(input);
    if (length() < window) {
      Error error = sourceError("E503", source,
                                "a source must hold at least one window of its input, found " +
                                    std::to_string(length()) + " elements in '" + source.name +
                                    "' where input '" + input.name + "' takes " + std::to_string(window));
      error.hint = "give it more data, or make the window shorter with --set";
      return error;
    }
    return {};
  }

protected:
  void readRun(const Port &input, int64_t seed, int64_t step, int64_t first, int64_t count,
               char *target) const override {
    int64_t window = windowOf(input), row = first / window;
    int64_t begin = input.ordered ? rowAt(input, length() / window, seed, step, row) * window
                                  : randomBelow(length() - window + 1, seed, step, row);
    read(begin + first % window, count, input.shape.type, target);
  }

  virtual Status checkType(const Port &input) const = 0;
  virtual int64_t length() const = 0; // in elements
  virtual void read(int64_t begin, int64_t count, Type type, char *target) const = 0;

  DataSource source;

private:
  static int64_t windowOf(const Port &input) {
    return input.shape.sizes.size() >= 2 ? elementsPerRow(input) : input.shape.elements();
  }
};

class BytesDataset : public SequenceDataset {
public:
  using SequenceDataset::SequenceDataset;

  Status load() {
    Result<std::vector<std::string>> paths = expandGlobs(source);
    if (!paths)
      return paths.error();
    for (const std::string &path : *paths) {
      MappedFile file;
      std::string why;
      if (!MappedFile::open(path, file, why))
        return sourceError("E501", source, "a data file must be readable, found '" + path + "': " + why);
      if (file.size() == 0)
        continue;
      ends.push_back(length() + file.size());
      files.push_back(std::move(file));
    }
    if (files.empty())
      return sourceError("E502", source,
                         "a data source must not be empty, found no bytes in '" + source.name + "' (" +
                             listText(*paths) + ")");
    return {};
  }

protected:
  Status checkType(const Port &input) const override {
    if (input.shape.type == Type::U8)
      return {};
    return mismatch(input, "an input fed from bytes must be u8, found '" + input.name + "' of type " +
                               toString(input.shape));
  }
  int64_t length() const override { return ends.empty() ? 0 : ends.back(); }
  void read(int64_t begin, int64_t count, Type, char *target) const override {
    size_t at = std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin();
    for (; count > 0; ++at) {
      int64_t inside = begin - (at ? ends[at - 1] : 0);
      int64_t now = std::min(count, files[at].size() - inside);
      std::memcpy(target, files[at].data() + inside, now);
      target += now;
      begin += now;
      count -= now;
    }
  }

private:
  static std::string listText(const std::vector<std::string> &paths) {
    return paths.size() == 1 ? "'" + paths[0] + "'" : std::to_string(paths.size()) + " files";
  }

  std::vector<MappedFile> files;
  std::vector<int64_t> ends; // of each file in the sequence
};

template <class From, class To> void widen(const char *from, int64_t count, char *to) {
  for (int64_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof(From), sizeof(From));
    To wide = static_cast<To>(value);
    std::memcpy(to + i * sizeof(To), &wide, sizeof(To));
  }
}

// Binary tokens, little endian. u16 is no type of the language, so tokens widen to what the input wants.
class TokensDataset : public SequenceDataset {
public:
  using SequenceDataset::SequenceDataset;

  Status load() {
    const std::string &type = source.option;
    width = type == "u8" ? 1 : type == "u16" ? 2 : type == "i32" ? 4 : type == "i64" ? 8 : 0;
    if (width == 0 || source.paths.size() != 1)
      return sourceError("E506", source,
                         "tokens take one file of u8, u16, i32 or i64, found type '" + type + "' and " +
                             std::to_string(source.paths.size()) + " files");
    Result<std::vector<std::string>> paths = expandGlobs(source);
    if (!paths)
      return paths.error();
    const std::string &path = paths->front();
    std::string why;
    if (!MappedFile::open(path, file, why))
      return sourceError("E501", source, "a data file must be readable, found '" + path + "': " + why);
    if (file.size() == 0)
      return sourceError("E502", source, "a data source must not be empty, found no bytes in '" + path + "'");
    if (file.size() % width != 0)
      return sourceError("E506", source,
                         "a token file must hold whole tokens, found " + std::to_string(file.size()) +
                             " bytes of " + type + " in '" + path + "'");
    return {};
  }

protected:
  Status checkType(const Port &input) const override {
    Type type = input.shape.type;
    bool fits = type == Type::I64 || (type == Type::I32 && width <= 4) || (type == Type::U8 && width == 1);
    if (fits)
      return {};
    return mismatch(input, "an input must hold every token of its source, found " + source.option +
                               " tokens for '" + input.name + "' of type " + toString(input.shape));
  }
  int64_t length() const override { return file.size() / width; }
  void read(int64_t begin, int64_t count, Type type, char *target) const override {
    const char *from = file.data() + begin * width;
    bool wide = type == Type::I64;
    if (width == sizeOf(type))
      std::memcpy(target, from, count * width);
    else if (width == 1)
      wide ? widen<uint8_t, int64_t>(from, count, target) : widen<uint8_t, int32_t>(from, count, target);
    else if (width == 2)
      wide ? widen<uint16_t, int64_t>(from, count, target) : widen<uint16_t, int32_t>(from, count, target);
    else
      widen<int32_t, int64_t>(from, count, target);
  }

private:
  MappedFile file;
  int64_t width = 0;
};

//===-- Arrays ----------------------------------------------------------===//

class NpyDataset : public Dataset {
public:
  NpyDataset(const DataSource &source, Npy array) : source(source), array(std::move(array)) {}

  Status check(const Port &input) const override {
    const Shape &shape = array.shape();
    if (shape.type != input.shape.type)
      return mismatch(input, "an input must have the element type of its source, found " +
                                 toString(input.shape) + " for '" + input.name + "' and " + toString(shape) +
                                 " in '" + source.name + "'");
    if (shape.sizes.empty() || input.shape.sizes.empty())
      return mismatch(input, "a .npy source and its input must have rows, found " + toString(shape) +
                                 " and " + toString(input.shape));
    if (rest(shape) == rest(input.shape))
      return shape.sizes[0] > 0 ? Status()
                                : Status(sourceError("E502", source,
                                                     "a data source must not be empty, found no rows in '" +
                                                         source.name + "'"));
    if (shape.sizes.size() != 1)
      return mismatch(input, "rows of an input must have the shape of the source's rows, found " +
                                 toString(input.shape) + " for '" + input.name + "' and " + toString(shape) +
                                 " in '" + source.name + "'");
    if (shape.sizes[0] < elementsPerRow(input))
      return sourceError("E503", source,
                         "a source must hold at least one window of its input, found " +
                             std::to_string(shape.sizes[0]) + " elements in '" + source.name +
                             "' where input '" + input.name + "' takes " +
                             std::to_string(elementsPerRow(input)));
    return {};
  }

  // Rows in order lie in order, up to the end of the file.
  const void *view(const Port &input, const InputPart &part, int64_t seed, int64_t step) const override {
    const std::vector<Block> &blocks = part.blocks;
    for (size_t i = 0; i < blocks.size(); ++i)
      if (blocks[i].local != (i ? part.whole.sizes[i] : blocks[i].size))
        return nullptr;
    if (!input.ordered || blocks[0].size == 0)
      return nullptr;
    Rows rows = rowsFor(input);
    int64_t last = blocks[0].size - 1;
    const char *first = rowOf(rows, input, seed, step, blocks[0].begin);
    bool together = rowOf(rows, input, seed, step, blocks[0].begin + last) == first + last * rows.bytes;
    return together && reinterpret_cast<uintptr_t>(first) % sizeOf(input.shape.type) == 0 ? first : nullptr;
  }

protected:
  void readRun(const Port &input, int64_t seed, int64_t step, int64_t first, int64_t count,
               char *target) const override {
    Rows rows = rowsFor(input);
    int64_t width = sizeOf(input.shape.type), perRow = rows.bytes / width;
    while (count > 0) { // a row of one dim is an element
      int64_t inside = first % perRow, now = std::min(count, perRow - inside);
      std::memcpy(target, rowOf(rows, input, seed, step, first / perRow) + inside * width, now * width);
      first += now;
      count -= now;
      target += now * width;
    }
  }

private:
  struct Rows {
    int64_t items, pitch, bytes; // to choose from; from one to the next; of one row
  };

  Rows rowsFor(const Port &input) const {
    int64_t width = sizeOf(input.shape.type);
    int64_t count = elementsPerRow(input);
    int64_t total = array.shape().sizes[0];
    bool windows = rest(array.shape()) != rest(input.shape);
    int64_t items = !windows ? total : input.ordered ? total / count : total - count + 1;
    return {items, (windows && !input.ordered ? 1 : count) * width, count * width};
  }

  const char *rowOf(const Rows &rows, const Port &input, int64_t seed, int64_t step, int64_t row) const {
    return array.data() + rowAt(input, rows.items, seed, step, row) * rows.pitch;
  }

  static std::vector<int64_t> rest(const Shape &shape) {
    return {shape.sizes.begin() + 1, shape.sizes.end()};
  }

  DataSource source;
  Npy array;
};

//===-- Numbers drawn ---------------------------------------------------===//

class SyntheticDataset : public Dataset {
public:
  explicit SyntheticDataset(const DataSource &source) : source(source) {
    for (char c : source.name)
      salt = mix(salt ^ static_cast<unsigned char>(c));
  }

  Status check(const Port &input) const override {
    Type type = input.shape.type;
    bool integers = source.option == "integers";
    bool fits = integers ? type == Type::I32 || type == Type::I64 || type == Type::U8
                         : type == Type::F32 || type == Type::F64;
    if (!fits)
      return mismatch(input, std::string("synthetic ") + source.option + " numbers feed inputs of type " +
                                 (integers ? "u8, i32 or i64" : "f32 or f64") + ", found '" + input.name +
                                 "' of type " + toString(input.shape));
    int64_t most = type == Type::U8 ? 256 : type == Type::I32 ? int64_t{1} << 31 : INT64_MAX;
    if (integers && (source.below < 1 || source.below > most))
      return mismatch(input, "the bound of synthetic integers must fit their input, found " +
                                 std::to_string(source.below) + " for '" + input.name + "' of type " +
                                 toString(input.shape));
    return {};
  }

protected:
  void readRun(const Port &input, int64_t seed, int64_t step, int64_t first, int64_t count,
               char *target) const override {
    for (int64_t i = 0; i < count; ++i)
      store(input.shape.type, target, i, hash(static_cast<uint64_t>(seed) ^ salt, step, first + i));
  }

private:
  // 53 random bits as a number in [0, 1). A float has room for 24 of them only, or it would round to 1.
  static double unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

  void store(Type type, void *target, int64_t i, uint64_t bits) const {
    if (type == Type::F32 || type == Type::F64) {
      double value = unit(type == Type::F32 ? bits & ~((uint64_t{1} << 40) - 1) : bits);
      if (source.option == "normal") // Box and Muller; 1 - value is never zero
        value = std::sqrt(-2 * std::log(1 - value)) * std::cos(6.283185307179586 * unit(mix(bits)));
      if (type == Type::F32)
        static_cast<float *>(target)[i] = static_cast<float>(value);
      else
        static_cast<double *>(target)[i] = value;
      return;
    }
    auto value = static_cast<int64_t>((static_cast<unsigned __int128>(bits) * source.below) >> 64);
    if (type == Type::U8)
      static_cast<uint8_t *>(target)[i] = static_cast<uint8_t>(value);
    else if (type == Type::I32)
      static_cast<int32_t *>(target)[i] = static_cast<int32_t>(value);
    else
      static_cast<int64_t *>(target)[i] = value;
  }

  DataSource source;
  uint64_t salt = 0;
};

bool isRegular(const std::string &path) {
  struct stat facts;
  return stat(path.c_str(), &facts) == 0 && !S_ISDIR(facts.st_mode);
}

template <class Kind> Result<std::unique_ptr<Dataset>> openSequence(const DataSource &source) {
  auto dataset = std::make_unique<Kind>(source);
  if (Status status = dataset->load(); !status)
    return status.error();
  return std::unique_ptr<Dataset>(std::move(dataset));
}

} // namespace

InputPart InputPart::of(const Port &input, const Mesh &mesh, int64_t rank) {
  return {wholeOf(input.shape, input.split), blocksOf(mesh, input.shape, input.split, rank)};
}

bool InputPart::isWhole() const {
  for (size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i].size != whole.sizes[i] || blocks[i].local != whole.sizes[i])
      return false;
  return true;
}

void Dataset::fill(const Port &input, int64_t seed, int64_t step, void *target) const {
  fill(input, InputPart::of(input, Mesh(), 0), seed, step, target);
}

// In runs through the dims that the part has whole, but for the rows: each comes from a place of its own.
void Dataset::fill(const Port &input, const InputPart &part, int64_t seed, int64_t step, void *target) const {
  const std::vector<Block> &blocks = part.blocks;
  const std::vector<int64_t> &sizes = part.whole.sizes;
  int64_t width = sizeOf(part.whole.type), local = width;
  for (const Block &block : blocks)
    local *= block.local;
  if (hasPadding(blocks))
    std::memset(target, 0, local);
  if (sizes.empty())
    return readRun(input, seed, step, 0, 1, static_cast<char *>(target));
  size_t last = sizes.size() - 1;
  auto isWhole = [&](size_t dim) {
    return blocks[dim].size == sizes[dim] && blocks[dim].local == sizes[dim];
  };
  while (last > 1 && isWhole(last))
    --last;
  int64_t inner = 1, outer = 1;
  for (size_t i = last + 1; i < sizes.size(); ++i)
    inner *= sizes[i];
  for (size_t i = 0; i < last; ++i)
    outer *= blocks[i].size;
  int64_t count = blocks[last].size * inner;
  for (int64_t n = 0; n < outer && count > 0; ++n) {
    int64_t rest = n, first = blocks[last].begin * inner, to = 0;
    int64_t inWhole = sizes[last] * inner, inLocal = blocks[last].local * inner;
    for (size_t i = last; i-- > 0; rest /= blocks[i].size) {
      int64_t index = rest % blocks[i].size;
      first += (blocks[i].begin + index) * inWhole;
      to += index * inLocal;
      inWhole *= sizes[i];
      inLocal *= blocks[i].local;
    }
    readRun(input, seed, step, first, count, static_cast<char *>(target) + to * width);
  }
}

int64_t randomBelow(int64_t bound, int64_t seed, int64_t step, int64_t row) {
  return static_cast<int64_t>((static_cast<unsigned __int128>(hash(seed, step, row)) * bound) >> 64);
}

Result<std::vector<std::string>> expandGlobs(const DataSource &source) {
  std::vector<std::string> paths;
  std::set<std::pair<dev_t, ino_t>> seen; // a link and its target count once
  for (const std::string &written : source.paths) {
    bool relative = !source.folder.empty() && (written.empty() || written[0] != '/');
    std::string pattern = relative ? source.folder + "/" + written : written;
    bool wildcards = written.find_first_of("*?[") != std::string::npos;
    struct stat facts;
    if (!wildcards && stat(pattern.c_str(), &facts) != 0)
      return sourceError("E501", source,
                         "a data file must exist, found none at '" + pattern + "': " + std::strerror(errno));
    if (!wildcards) {
      paths.push_back(pattern);
      seen.emplace(facts.st_dev, facts.st_ino);
      continue;
    }
    glob_t found = {};
    glob(pattern.c_str(), 0, nullptr, &found); // sorted
    size_t before = paths.size();
    bool any = false;
    for (size_t i = 0; i < found.gl_pathc; ++i) {
      if (!isRegular(found.gl_pathv[i]))
        continue;
      any = true;
      if (stat(found.gl_pathv[i], &facts) == 0 && seen.emplace(facts.st_dev, facts.st_ino).second)
        paths.push_back(found.gl_pathv[i]);
    }
    globfree(&found);
    if (!any && paths.size() == before)
      return sourceError("E502", source, "a data source must match a file, found none for '" + pattern + "'");
  }
  if (paths.empty())
    return sourceError("E506", source, "a data source must name its files, found none");
  return paths;
}

Result<std::unique_ptr<Dataset>> Dataset::open(const DataSource &source) {
  if (source.kind == "bytes")
    return openSequence<BytesDataset>(source);
  if (source.kind == "tokens")
    return openSequence<TokensDataset>(source);
  if (source.kind == "synthetic")
    return std::unique_ptr<Dataset>(std::make_unique<SyntheticDataset>(source));
  if (source.kind != "npy")
    return sourceError("E506", source,
                       "a data source is bytes, tokens, npy or synthetic, found '" + source.kind + "'");
  Result<std::vector<std::string>> paths = expandGlobs(source);
  if (!paths)
    return paths.error();
  Result<Npy> array = Npy::open(paths->front());
  if (!array) {
    Error error = array.error();
    error.location = source.location;
    return error;
  }
  return std::unique_ptr<Dataset>(std::make_unique<NpyDataset>(source, std::move(*array)));
}

} // namespace cleave::rt
