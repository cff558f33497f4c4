#include "test/conformance/Suite.h"

#include <gmock/gmock.h>
#include <mutex>

namespace cleave::rt::test {

Mesh lineOf(int64_t ranks) { return {"line", {{"x", ranks}}}; }

std::vector<AxisPart> all(const Mesh &mesh) {
  std::vector<AxisPart> over;
  for (uint32_t i = 0; i < mesh.axes.size(); ++i)
    over.push_back({i, mesh.axes[i].size, 1});
  return over;
}

Collective make(CollectiveKind kind, std::vector<AxisPart> over) {
  Collective it;
  it.kind = kind;
  it.over = std::move(over);
  return it;
}

static std::string describe(const CollectiveCase &test, int64_t rank) {
  const Collective &it = test.collective;
  return std::string(nameOf(it.kind)) + " " + nameOf(it.reduction) + " over " + toString(test.mesh, it.over) +
         " of " + toString(test.mesh) + (it.padded ? " padded " : " ") + toString(test.in(rank)) + " -> " +
         toString(test.out(rank)) + " dims " + std::to_string(it.dim) + ", " + std::to_string(it.dim2) +
         ", rank " + std::to_string(rank);
}

std::string difference(const CollectiveCase &test, int64_t rank, const std::vector<char> &data) {
  std::vector<char> wanted = test.expected(rank);
  if (data == wanted)
    return "";
  Type type = test.out(rank).type;
  auto text = [&](Number number) {
    return isFloat(type) ? std::to_string(number.real) : std::to_string(number.whole);
  };
  for (int64_t i = 0; i < test.out(rank).elements(); ++i) {
    Number found = loadNumber(type, data.data(), i), right = loadNumber(type, wanted.data(), i);
    if (found.whole != right.whole || found.real != right.real)
      return describe(test, rank) + ": element " + std::to_string(i) + " is " + text(found) + ", not " +
             text(right);
  }
  return describe(test, rank) + ": other bits of a zero";
}

std::string runOne(const CollectiveCase &test, Communicator &end, int64_t times) {
  Result<std::unique_ptr<Operation>> made =
      end.prepare(test.mesh, test.collective, test.in(end.rank()), test.out(end.rank()));
  if (!made) {
    end.fail(made.error());
    return made.error().message;
  }
  std::vector<char> input = test.input(end.rank()), wanted = test.expected(end.rank()),
                    output(test.out(end.rank()).bytes());
  for (int64_t i = 0; i < times; ++i) {
    std::fill(output.begin(), output.end(), static_cast<char>(0x5a + i));
    if (Status status = (*made)->run(input.data(), output.data()); !status)
      return describe(test, end.rank()) + ": " + status.error().message;
    if (output == wanted)
      continue;
    std::string found = difference(test, end.rank(), output);
    end.fail({"E799", found, "", {}, ""});
    return found;
  }
  return "";
}

void Conformance::expectRight(const std::vector<CollectiveCase> &tests, int64_t times) {
  std::mutex mutex;
  std::vector<std::string> wrong;
  GetParam().run(tests[0].mesh.ranks(), kTimeout, [&](Communicator &end) {
    for (const CollectiveCase &test : tests) {
      std::string found = runOne(test, end, times);
      if (found.empty())
        continue;
      std::lock_guard<std::mutex> lock(mutex);
      wrong.push_back(found);
      return;
    }
  });
  EXPECT_THAT(wrong, testing::IsEmpty());
}

} // namespace cleave::rt::test
