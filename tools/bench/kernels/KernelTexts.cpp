#include "tools/bench/kernels/KernelTexts.h"

#include <algorithm>

namespace cleave::bench {

namespace {

int64_t sizeOf(const KernelText &kernel, char letter) {
  for (auto [name, size] : kernel.sizes)
    if (name == letter)
      return size;
  return 1;
}

std::string tensor(const KernelText &kernel, const std::string &letters) {
  std::string text = "tensor<";
  for (char letter : letters)
    text += std::to_string(sizeOf(kernel, letter)) + "x";
  return text + "f32>";
}

std::string join(const std::vector<std::string> &parts) {
  std::string text;
  for (const std::string &part : parts)
    text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string map(const std::string &dims, const std::string &letters) {
  std::vector<std::string> from, to;
  for (char letter : dims)
    from.push_back(std::string(1, letter));
  for (char letter : letters)
    to.push_back(std::string(1, letter));
  return "affine_map<(" + join(from) + ") -> (" + join(to) + ")>";
}

std::string rowsAttribute(const std::vector<std::string> &values) {
  return "cleave.rows = array<i64" + std::string(values.empty() ? "" : ": ") + join(values) + ">";
}

std::string printGeneric(const KernelText &kernel, const Generic &generic) {
  std::string type = tensor(kernel, generic.output), text;
  std::string out = "%" + generic.result + "_empty";
  text += "  " + out + " = tensor.empty() : " + type + "\n";
  if (!generic.init.empty()) {
    text += "  %" + generic.result + "_c = arith.constant " + generic.init + " : f32\n";
    text += "  %" + generic.result + "_fill = linalg.fill ins(%" + generic.result + "_c : f32) outs(" + out +
            " : " + type + ") -> " + type + "\n";
    out = "%" + generic.result + "_fill";
  }
  std::vector<std::string> maps, names, types, arguments, iterators, rows;
  char argument = 'a';
  for (const auto &[name, letters] : generic.inputs) {
    maps.push_back(map(generic.dims, letters));
    names.push_back("%" + name);
    types.push_back(tensor(kernel, letters));
    arguments.push_back(std::string("%") + argument++ + ": f32");
  }
  maps.push_back(map(generic.dims, generic.output));
  arguments.push_back("%o: f32");
  for (char letter : generic.dims)
    iterators.push_back(generic.output.find(letter) == std::string::npos ? "\"reduction\"" : "\"parallel\"");
  for (char letter : kernel.rows)
    rows.push_back(std::to_string(generic.dims.find(letter)));
  text += "  %" + generic.result + " = linalg.generic {indexing_maps = [" + join(maps) +
          "], iterator_types = [" + join(iterators) + "]} ins(" + join(names) + " : " + join(types) +
          ") outs(" + out + " : " + type + ") attrs = {" + rowsAttribute(rows) + "} {\n  ^bb0(" +
          join(arguments) + "):\n" + generic.body + "\n    linalg.yield %r : f32\n  } -> " + type + "\n";
  return text;
}

std::string lettersOf(const KernelText &kernel, const std::string &value) {
  for (const Generic &generic : kernel.body)
    if (generic.result == value)
      return generic.output;
  return "";
}

} // namespace

std::string print(const KernelText &kernel) {
  std::vector<std::string> arguments, results, values, rows;
  for (const auto &[name, letters] : kernel.arguments)
    arguments.push_back("%" + name + ": " + tensor(kernel, letters));
  for (const std::string &value : kernel.results) {
    results.push_back(tensor(kernel, lettersOf(kernel, value)));
    values.push_back("%" + value);
  }
  for (char letter : kernel.rows)
    rows.push_back(std::to_string(sizeOf(kernel, letter)));
  std::string text = "func.func private @" + kernel.name + "(" + join(arguments) + ") -> (" + join(results) +
                     ") attributes {cleave.kernel, " + rowsAttribute(rows) + "} {\n";
  for (const Generic &generic : kernel.body)
    text += printGeneric(kernel, generic);
  return text + "  return " + join(values) + " : " + join(results) + "\n}\n";
}

//===----------------------------------------------------------------------===//
// The kernels
//===----------------------------------------------------------------------===//

KernelText productKernel(const std::string &name, int64_t batch, int64_t m, int64_t n, int64_t k,
                         bool transposeA, bool transposeB) {
  std::string b = batch > 1 ? "b" : "";
  std::string left = b + (transposeA ? "km" : "mk"), right = b + (transposeB ? "nk" : "kn");
  return {name,
          b + "mn",
          {{'b', batch}, {'m', m}, {'n', n}, {'k', k}},
          {{"x", left}, {"w", right}},
          {{"y",
            b + "mnk",
            b + "mn",
            {{"x", left}, {"w", right}},
            "    %p = arith.mulf %a, %b : f32\n    %r = arith.addf %o, %p : f32",
            "0.0"}},
          {"y"}};
}

static const std::string kAdd = "    %r = arith.addf %o, %a : f32";

KernelText layerNormKernel(int64_t rows, int64_t size) {
  std::string inverse = std::to_string(1.0 / static_cast<double>(size));
  std::string scale = "    %n = arith.constant " + inverse + " : f32\n    %r = arith.mulf %a, %n : f32";
  return {"layer_norm",
          "i",
          {{'i', rows}, {'j', size}},
          {{"x", "ij"}, {"gain", "j"}, {"bias", "j"}},
          {{"sum", "ij", "i", {{"x", "ij"}}, kAdd, "0.0"},
           {"mean", "i", "i", {{"sum", "i"}}, scale, ""},
           {"squares",
            "ij",
            "i",
            {{"x", "ij"}, {"mean", "i"}},
            "    %d = arith.subf %a, %b : f32\n    %q = arith.mulf %d, %d : f32\n    %r = arith.addf %o, %q "
            ": f32",
            "0.0"},
           {"variance", "i", "i", {{"squares", "i"}}, scale, ""},
           {"y",
            "ij",
            "ij",
            {{"x", "ij"}, {"mean", "i"}, {"variance", "i"}, {"gain", "j"}, {"bias", "j"}},
            R"(    %eps = arith.constant 1.0e-5 : f32
    %v = arith.addf %c, %eps : f32
    %s = math.rsqrt %v : f32
    %u = arith.subf %a, %b : f32
    %w = arith.mulf %u, %s : f32
    %g = arith.mulf %w, %d : f32
    %r = arith.addf %g, %e : f32)",
            ""}},
          {"y"}};
}

KernelText softmaxKernel(int64_t rows, int64_t size) {
  return {"softmax",
          "i",
          {{'i', rows}, {'j', size}},
          {{"x", "ij"}},
          {{"top", "ij", "i", {{"x", "ij"}}, "    %r = arith.maximumf %o, %a : f32", "0xFF800000"},
           {"e",
            "ij",
            "ij",
            {{"x", "ij"}, {"top", "i"}},
            "    %d = arith.subf %a, %b : f32\n    %r = math.exp %d : f32",
            ""},
           {"z", "ij", "i", {{"e", "ij"}}, kAdd, "0.0"},
           {"y", "ij", "ij", {{"e", "ij"}, {"z", "i"}}, "    %r = arith.divf %a, %b : f32", ""}},
          {"y"}};
}

// `value` where the key, dim `keyDim`, does not lie behind the query, as `result`.
static std::string masked(int keyDim, const std::string &value, const std::string &otherwise,
                          const std::string &result) {
  return "    %s = linalg.index 1 : index\n    %t = linalg.index " + std::to_string(keyDim) +
         " : index\n    %c = arith.cmpi sle, %t, %s : index\n    %none = arith.constant " + otherwise +
         " : f32\n    " + result + " = arith.select %c, " + value + ", %none : f32";
}

KernelText attentionKernel(int64_t heads, int64_t positions, int64_t size) {
  return {"attention",
          "hs",
          {{'h', heads}, {'s', positions}, {'t', positions}, {'d', size}},
          {{"q", "hsd"}, {"k", "htd"}, {"v", "htd"}},
          {{"score",
            "hstd",
            "hst",
            {{"q", "hsd"}, {"k", "htd"}},
            "    %p = arith.mulf %a, %b : f32\n    %r = arith.addf %o, %p : f32",
            "0.0"},
           {"top",
            "hst",
            "hs",
            {{"score", "hst"}},
            masked(2, "%a", "0xFF800000", "%w") + "\n    %r = arith.maximumf %o, %w : f32",
            "0xFF800000"},
           {"e",
            "hst",
            "hst",
            {{"score", "hst"}, {"top", "hs"}},
            "    %d = arith.subf %a, %b : f32\n    %u = math.exp %d : f32\n" + masked(2, "%u", "0.0", "%r"),
            ""},
           {"z", "hst", "hs", {{"e", "hst"}}, kAdd, "0.0"},
           {"mixed",
            "hsdt",
            "hsd",
            {{"e", "hst"}, {"v", "htd"}},
            "    %u = arith.mulf %a, %b : f32\n" + masked(3, "%u", "0.0", "%w") +
                "\n    %r = arith.addf %o, %w : f32",
            "0.0"},
           {"y", "hsd", "hsd", {{"mixed", "hsd"}, {"z", "hs"}}, "    %r = arith.divf %a, %b : f32", ""}},
          {"y"}};
}

static const char *kGelu = R"(
    %k = arith.constant 0.7978845608 : f32
    %l = arith.constant 0.044715 : f32
    %one = arith.constant 1.0 : f32
    %half = arith.constant 0.5 : f32
    %x2 = arith.mulf %x, %x : f32
    %x3 = arith.mulf %x2, %x : f32
    %t = arith.mulf %x3, %l : f32
    %u = arith.addf %x, %t : f32
    %v = arith.mulf %u, %k : f32
    %w = math.tanh %v : f32
    %p = arith.addf %w, %one : f32
    %h = arith.mulf %x, %half : f32
    %r = arith.mulf %h, %p : f32)";

KernelText geluKernel(int64_t rows, int64_t size) {
  return {"gelu",
          "ij",
          {{'i', rows}, {'j', size}},
          {{"in", "ij"}},
          {{"y",
            "ij",
            "ij",
            {{"in", "ij"}},
            std::string("    %zero = arith.constant 0.0 : f32\n    %x = arith.addf %a, %zero : f32") + kGelu,
            ""}},
          {"y"}};
}

KernelText biasGeluKernel(int64_t rows, int64_t size) {
  return {"bias_gelu",
          "ij",
          {{'i', rows}, {'j', size}},
          {{"in", "ij"}, {"bias", "j"}},
          {{"y",
            "ij",
            "ij",
            {{"in", "ij"}, {"bias", "j"}},
            std::string("    %x = arith.addf %a, %b : f32") + kGelu,
            ""}},
          {"y"}};
}

KernelText adamKernel(int64_t size) {
  return {"adam",
          "i",
          {{'i', size}},
          {{"p", "i"}, {"g", "i"}, {"m", "i"}, {"v", "i"}, {"rate", ""}},
          {{"m1",
            "i",
            "i",
            {{"m", "i"}, {"g", "i"}},
            R"(    %k = arith.constant 0.9 : f32
    %l = arith.constant 0.1 : f32
    %x = arith.mulf %a, %k : f32
    %y = arith.mulf %b, %l : f32
    %r = arith.addf %x, %y : f32)",
            ""},
           {"v1",
            "i",
            "i",
            {{"v", "i"}, {"g", "i"}},
            R"(    %k = arith.constant 0.999 : f32
    %l = arith.constant 0.001 : f32
    %x = arith.mulf %a, %k : f32
    %y = arith.mulf %b, %b : f32
    %z = arith.mulf %y, %l : f32
    %r = arith.addf %x, %z : f32)",
            ""},
           {"p1",
            "i",
            "i",
            {{"p", "i"}, {"m1", "i"}, {"v1", "i"}, {"rate", ""}},
            R"(    %eps = arith.constant 1.0e-8 : f32
    %decay = arith.constant 0.01 : f32
    %s = math.sqrt %c : f32
    %t = arith.addf %s, %eps : f32
    %u = arith.divf %b, %t : f32
    %w = arith.mulf %a, %decay : f32
    %x = arith.addf %u, %w : f32
    %y = arith.mulf %x, %d : f32
    %r = arith.subf %a, %y : f32)",
            ""}},
          {"p1", "m1", "v1"}};
}

KernelText columnSumKernel(int64_t rows, int64_t size) {
  return {"column_sum",
          "j",
          {{'i', rows}, {'j', size}},
          {{"x", "ij"}},
          {{"y", "ji", "j", {{"x", "ij"}}, kAdd, "0.0"}},
          {"y"}};
}

} // namespace cleave::bench
