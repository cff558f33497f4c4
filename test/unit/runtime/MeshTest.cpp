#include "runtime/core/Encoding.h"
#include "runtime/core/Instance.h"
#include "runtime/core/PrintProgram.h"
#include "runtime/core/Verify.h"
#include "test/unit/runtime/Programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave::rt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace test;

const Mesh kMesh = {"cluster", {{"dp", 2}, {"tp", 4}, {"pp", 3}}};

TEST(Mesh, RanksAreRowMajor) {
  EXPECT_EQ(kMesh.ranks(), 24);
  EXPECT_EQ(Mesh().ranks(), 1);
  EXPECT_EQ(coordinate(kMesh, 17, 0), 1);
  EXPECT_EQ(coordinate(kMesh, 17, 1), 1);
  EXPECT_EQ(coordinate(kMesh, 17, 2), 2);
}

TEST(Mesh, GroupsAgreeInAllOtherAxes) {
  EXPECT_THAT(groupOf(kMesh, {}, 17), ElementsAre(17));
  EXPECT_THAT(groupOf(kMesh, {{1, 4, 1}}, 17), ElementsAre(14, 17, 20, 23));
  EXPECT_THAT(groupOf(kMesh, {{2, 3, 1}, {0, 2, 1}}, 17), ElementsAre(3, 15, 4, 16, 5, 17));
  // The halves of "tp": the ranks 3 apart are of one minor half, 6 apart of one major half.
  EXPECT_THAT(groupOf(kMesh, {{1, 2, 1}}, 17), ElementsAre(14, 17));
  EXPECT_THAT(groupOf(kMesh, {{1, 2, 2}}, 17), ElementsAre(17, 23));
  for (const std::vector<AxisPart> &over :
       {std::vector<AxisPart>{{2, 3, 1}, {0, 2, 1}}, {{1, 2, 2}}, {{1, 2, 1}, {1, 2, 2}, {0, 2, 1}}})
    for (int64_t rank = 0; rank < kMesh.ranks(); ++rank)
      EXPECT_EQ(groupOf(kMesh, over, rank)[memberOf(kMesh, over, rank)], rank);
  EXPECT_EQ(toString(kMesh, {{1, 2, 1}, {0, 2, 1}, {1, 2, 2}}), "\"tp\":(2)2, \"dp\", \"tp\":(1)2");
}

TEST(Mesh, BalancedBlocksTileTheWhole) {
  for (int64_t extent = 0; extent < 40; ++extent) {
    DimSplit split = {{{1, 4, 1}, {2, 3, 1}}, false};
    int64_t at = 0;
    for (int64_t member = 0; member < 12; ++member) {
      Block block = blockOf(extent, split, member);
      EXPECT_EQ(block.begin, at);
      EXPECT_EQ(block.local, block.size);
      at += block.size;
    }
    EXPECT_EQ(at, extent);
  }
  // 10 over 4 is 3, 3, 2, 2; over 3 more each splits its own.
  std::vector<int64_t> sizes;
  for (int64_t member = 0; member < 12; ++member)
    sizes.push_back(blockOf(10, {{{1, 4, 1}, {2, 3, 1}}, false}, member).size);
  EXPECT_THAT(sizes, ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0));
}

TEST(Mesh, PaddedBlocksAreOfOneSize) {
  DimSplit split = {{{1, 4, 1}}, true};
  std::vector<int64_t> begins, sizes;
  for (int64_t member = 0; member < 4; ++member) {
    Block block = blockOf(5, split, member);
    EXPECT_EQ(block.local, 2);
    begins.push_back(block.begin);
    sizes.push_back(block.size);
  }
  EXPECT_THAT(begins, ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1, 0));
}

// Where other splits of the same size are finer, blocks have more room than an even cut gives.
TEST(Mesh, PaddedBlocksMayHaveMoreRoom) {
  DimSplit split = {{{0, 2, 1}}, true, 6};
  Block first = blockOf(10, split, 0), second = blockOf(10, split, 1);
  EXPECT_EQ(first.begin, 0);
  EXPECT_EQ(first.size, 6);
  EXPECT_EQ(second.begin, 6);
  EXPECT_EQ(second.size, 4);
  EXPECT_EQ(second.local, 6);
}

TEST(Mesh, IsPartOfTheEncodedProgram) {
  Program before = splitProgram();
  before.collectives[0].fill = -0.5;
  before.collectives[0].pairs = {{0, 1}, {1, 0}};
  ASSERT_TRUE(verify(before).ok()) << verify(before).error().message;
  std::string bytes = encode(before);
  Program after;
  ASSERT_TRUE(decode(bytes.data(), bytes.size(), after).ok());
  EXPECT_EQ(encode(after), bytes);
  EXPECT_EQ(after.collectives[0].fill, -0.5);
  std::string text = printProgram(after);
  EXPECT_EQ(text, printProgram(before));
  EXPECT_THAT(text, HasSubstr("mesh cluster [\"dp\" = 2, \"tp\" = 3]"));
  EXPECT_THAT(text, HasSubstr("plan both ab12"));
  EXPECT_THAT(text,
              HasSubstr("@0 f32[Out = 2, In = 8] of f32[Out = 5, In = 8], 0 over \"tp\" padded param \"w\""));
  EXPECT_THAT(text,
              HasSubstr("collective all_reduce sum over \"dp\" 0->1 1->0 \"d_w\" because 'Batch' is over"));
  EXPECT_THAT(text, HasSubstr("start #0 all_gather over \"tp\" dim 0 padded (state+0"));
}

TEST(Mesh, AProgramOfSeveralRanksIsNotRunByOne) {
  auto made = Instance::create(std::make_shared<Program>(splitProgram()), nullptr);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().code, "E715");
  EXPECT_THAT(made.error().message, HasSubstr("must be started with the ranks of its mesh, found one"));
}

TEST(Mesh, WhatNoRankCouldDoIsRefused) {
  auto messageOf = [](auto change) {
    Program program = splitProgram();
    change(program);
    Status status = verify(program);
    return status.ok() ? "" : status.error().message;
  };
  auto list = [](Program &p) -> std::vector<Instruction> & { return p.entries[0].instructions; };
  EXPECT_EQ(messageOf([](Program &) {}), "");
  EXPECT_THAT(messageOf([](Program &p) { p.mesh.axes[0].size = 0; }), HasSubstr("'dp' has no valid size"));
  EXPECT_THAT(messageOf([](Program &p) { p.mesh.axes[0].size = p.mesh.axes[1].size = int64_t{1} << 31; }),
              HasSubstr("'tp' has no valid size"));
  EXPECT_THAT(messageOf([](Program &p) { p.mesh.axes[1].name = "dp"; }), HasSubstr("have the name 'dp'"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].over[0].axis = 2; }),
              HasSubstr("a mesh axis that does not exist"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].over[0].after = 2; }),
              HasSubstr("a part that axis 'dp' does not have"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].over.push_back({0, 2, 1}); }),
              HasSubstr("uses mesh axis 'dp' twice"));
  EXPECT_THAT(messageOf([](Program &p) {
                std::vector<AxisPart> &over = p.collectives[0].over;
                over.insert(over.end(), {{0, 1, 1}, {0, 2, 1}});
              }),
              HasSubstr("uses mesh axis 'dp' twice"));
  EXPECT_THAT(messageOf([](Program &p) { p.states[0].split.dims[1].over = {{1, 3, 1}}; }),
              HasSubstr("uses mesh axis 'tp' twice"));
  EXPECT_THAT(messageOf([](Program &p) { p.states[0].split.global.sizes[0] = 7; }),
              HasSubstr("state 'w': it is no block of its whole, f32[Out = 7"));
  EXPECT_THAT(messageOf([](Program &p) { p.states[0].path = "w[*]"; }), HasSubstr("no valid shape"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].root = 2; }),
              HasSubstr("root is not in the group"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].pairs = {{0, 2}}; }),
              HasSubstr("a pair of it is not in the group"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].pairs = {{0, 1}, {1, 1}}; }),
              HasSubstr("sends or receives twice"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[0].extent = -1; }),
              HasSubstr("a number of it is no count"));
  EXPECT_THAT(messageOf([](Program &p) { p.collectives[1].dim = 2; }),
              HasSubstr("all_gather is along a dim that does not exist"));
  EXPECT_THAT(messageOf([](Program &p) {
                p.collectives[1].padded = false;
                p.collectives[1].over.clear();
              }),
              HasSubstr("does not make f32[Out = 5, In = 8] of f32[Out = 2, In = 8]"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].target = 2; }),
              HasSubstr("there is no such collective"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].operands.pop_back(); }),
              HasSubstr("takes another number of operands"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[2].count = 1; }),
              HasSubstr("nothing starts what it waits for"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[1].count = -1; }), HasSubstr("token has no valid number"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].operands[1].address = list(p)[0].operands[0].address; }),
              testing::IsEmpty()); // in place
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].operands[0].address = {Region::Scratch, 0, 32, {}}; }),
              HasSubstr("what collective all_reduce sends and receives overlaps"));
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].operands[0].address.over = {{2, 2, 1}}; }),
              HasSubstr("it is over a mesh axis that does not exist"));
  EXPECT_THAT(messageOf([&](Program &p) {
                Address &address = list(p)[0].operands[0].address;
                address.over = {{0, 2, 1}};
                address.memberBytes = 1 << 20;
              }),
              HasSubstr("lies at [")); // on the last rank
  EXPECT_THAT(messageOf([&](Program &p) { list(p)[0].operands[0].address.memberBytes = -4; }),
              HasSubstr("blocks of it have no valid size"));
  EXPECT_THAT(messageOf([&](Program &p) {
                p.collectives[0].kind = CollectiveKind::Offset;
                list(p)[0].operands.pop_back();
              }),
              HasSubstr("an offset is an i32 or i64 scalar"));
}

} // namespace
} // namespace cleave::rt
