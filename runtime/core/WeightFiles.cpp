#include "runtime/core/WeightFiles.h"

#include "runtime/core/Text.h"

#include <filesystem>
#include <nlohmann/json.hpp>

namespace cleave::rt {

namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

constexpr char kWhat[] = "a weight file";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kSingle[] = "model.safetensors";

Error badIndex(const std::string &path, const std::string &rule, const std::string &found) {
  return {"E617", rule + ", found " + found + " in '" + path + "'", "", {}, ""};
}

// The file that a folder's weights begin with.
Result<std::string> fileIn(const std::string &folder) {
  std::error_code ignored;
  for (const char *name : {kIndex, kSingle})
    if (std::string path = (fs::path(folder) / name).string(); fs::is_regular_file(path, ignored))
      return path;
  std::vector<std::string> found;
  for (const auto &entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".safetensors")
      found.push_back(entry.path().string());
  if (found.size() == 1)
    return found[0];
  Error error = {"E601",
                 std::string("a folder of weights holds ") + kIndex + ", " + kSingle +
                     " or one .safetensors file, found " +
                     (found.empty() ? "none" : std::to_string(found.size())) + " in '" + folder + "'",
                 "",
                 {},
                 found.empty() ? "" : "give the file itself"};
  return error;
}

} // namespace

Status WeightFiles::openFile(const std::string &path) {
  Result<SafeTensors> file = SafeTensors::open(path, kWhat);
  if (!file)
    return file.error();
  for (const auto &[name, tensor] : file->tensors())
    holders[name] = files.size();
  files.push_back(std::move(*file));
  return {};
}

// {"weight_map": {"tensor": "file beside the index", ...}, ...}
Status WeightFiles::openIndex(const std::string &path) {
  MappedFile text;
  std::string why;
  if (!MappedFile::open(path, text, why))
    return Error{"E601",
                 std::string("an index of weights must be readable, found ") + why + " in '" + path + "'",
                 "",
                 {},
                 ""};
  Json index = Json::parse(text.data(), text.data() + text.size(), nullptr, /*allow_exceptions=*/false);
  auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object())
    return badIndex(path, "an index of weights is JSON with a 'weight_map' of names to files",
                    "something else");
  std::map<std::string, size_t> numbers; // of files
  for (const auto &[name, file] : map->items()) {
    std::string shard = file.is_string() ? file.get<std::string>() : "";
    if (shard.empty() || fs::path(shard).filename() != shard)
      return badIndex(path, "an index names files beside it", file.dump() + " for '" + name + "'");
    auto [known, fresh] = numbers.try_emplace(shard, files.size());
    std::string beside = (fs::path(path).parent_path() / shard).string();
    if (fresh) {
      std::error_code ignored;
      if (!fs::exists(beside, ignored))
        return badIndex(path, "every file of an index is there", "that '" + shard + "' is missing");
      if (Status status = openFile(beside); !status)
        return status;
    }
    if (!files[known->second].tensors().count(name))
      return badIndex(path, "a file holds the tensors that its index says",
                      "no '" + name + "' in '" + shard + "'");
  }
  return {};
}

Result<WeightFiles> WeightFiles::open(const std::string &path) {
  WeightFiles result;
  std::string file = path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    Result<std::string> found = fileIn(path);
    if (!found)
      return found.error();
    file = *found;
  }
  bool isIndex = fs::path(file).extension() == ".json";
  if (Status status = isIndex ? result.openIndex(file) : result.openFile(file); !status)
    return status.error();
  return result;
}

const NamedTensor *WeightFiles::find(const std::string &name) const {
  auto found = holders.find(name);
  return found == holders.end() ? nullptr : &files[found->second].tensors().at(name);
}

std::vector<std::string> WeightFiles::names() const {
  std::vector<std::string> result;
  for (const auto &[name, file] : holders)
    result.push_back(name);
  return result;
}

void WeightFiles::release(const std::string &name) const {
  auto found = holders.find(name);
  if (found != holders.end())
    files[found->second].release(files[found->second].tensors().at(name));
}

} // namespace cleave::rt
