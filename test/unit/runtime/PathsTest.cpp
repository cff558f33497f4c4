#include "runtime/core/Paths.h"
#include "runtime/core/Parts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

TEST(PathsTest, BracketsAreRead) {
  std::vector<Layers> layers = layersOf("net.a[*].b[3].c[2..5].w");
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_TRUE(layers[0].all());
  EXPECT_EQ(layers[1].text(), "[3]");
  EXPECT_EQ(layers[2].text(), "[2..5]");
  EXPECT_TRUE(layersOf("net.w").empty());
  for (const char *wrong : {"a[", "a[]", "a[x]", "a[1..]", "a[..2]", "a[2..2]", "a[-1]", "a[1.2]"})
    EXPECT_TRUE(layersOf(wrong).empty()) << wrong;
}

TEST(PathsTest, ALayerOfARangeHasItsNumber) {
  EXPECT_EQ(layerAt("net.b[*].w", {3}), "net.b[3].w");
  EXPECT_EQ(layerAt("net.a[1..3].b[2..5].w", {1, 0}), "net.a[2].b[2].w");
  EXPECT_EQ(layerAt("net.a[*].b[*].w", {1}), "net.a[1].b[*].w") << "only the outer one is known";
  EXPECT_EQ(withAllLayers("net.a[1].b[2..5].w"), "net.a[*].b[*].w");
}

TEST(PathsTest, SelectorsNameWhatLiesInTheirRange) {
  EXPECT_TRUE(selects("net.b[*]", "net.b[2..5].w"));
  EXPECT_TRUE(selects("net.b[1..6].w", "net.b[2..5].w"));
  EXPECT_TRUE(selects("net.*.w", "net.b[2..5].w"));
  EXPECT_TRUE(selects("x, net.b[2]", "net.b[2].w"));
  EXPECT_TRUE(selects("", "anything"));
  EXPECT_FALSE(selects("net.b[3..6].w", "net.b[2..5].w"));
  EXPECT_FALSE(selects("net.b[0].w", "net.b[*].w")) << "all are more than one";
  EXPECT_FALSE(selects("net.b", "net.b[*].w"));
  EXPECT_FALSE(selects("net.b[*].w.x", "net.b[*].w"));
  EXPECT_FALSE(selects("net.bb[*]", "net.b[*]"));
}

TEST(PathsTest, PartsMakeUpTheirStack) {
  std::vector<Part> all = {{"b[2..3].w", {Type::F32, {1, 2}, {"L", "E"}}},
                           {"b[*].v", {Type::F32, {3, 2}, {"L", "E"}}},
                           {"b[0..2].w", {Type::F32, {2, 2}, {"L", "E"}}}};
  std::vector<Part> parts = partsOf(all, "b[*].w");
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(partsOf(all, "b[*].v").empty()) << "it is kept whole";
  Shape stack = joined(parts);
  EXPECT_EQ(stack.sizes, (std::vector<int64_t>{3, 2}));
  std::vector<float> last = {5, 6}, first = {1, 2, 3, 4}, whole(6);
  copyIn(stack, parts[0], last.data(), whole.data());
  copyIn(stack, parts[1], first.data(), whole.data());
  EXPECT_THAT(whole, testing::ElementsAre(1, 2, 3, 4, 5, 6));
  copyOut(stack, parts[0], whole.data(), last.data());
  EXPECT_THAT(last, testing::ElementsAre(5, 6));
}

} // namespace
} // namespace cleave::rt
