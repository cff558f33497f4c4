#include "lang/format/Format.h"
#include "lang/format/Layout.h"
#include "lang/syntax/Parser.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

using namespace cleave;
using namespace cleave::format;

namespace {

namespace fs = std::filesystem;

struct Program {
  std::string name, text;
};

// Everything but white space: of the parser's tokens, and of the comments.
struct Words {
  std::vector<std::string> tokens, comments;
};

Words wordsOf(const std::string &text) {
  diag::Source source("program.dsl", text);
  syntax::TokenTree tree(source);
  Words words;
  for (antlr4::Token *token : tree.getTokens()) {
    std::string word(tree.textOf(*token));
    bool comment = token->getType() == grammar::CleaveLexer::COMMENT;
    if (comment)
      word.erase(word.find_last_not_of(" \t") + 1);
    (comment ? words.comments : words.tokens).push_back(word);
  }
  return words;
}

bool parses(const std::string &text) {
  diag::Engine engine;
  return syntax::parse(*engine.addSource("program.dsl", text), engine) != nullptr;
}

std::string formatted(const std::string &text) {
  diag::Engine engine;
  std::optional<std::string> result = format::format(*engine.addSource("program.dsl", text), engine);
  EXPECT_TRUE(result) << engine.render() << text;
  return result.value_or("");
}

// Idempotence, and the same words before and after.
void expectKept(const std::string &text, const std::string &name) {
  std::string once = formatted(text);
  ASSERT_EQ(once, formatted(once)) << name << ", before:\n" << text;
  Words before = wordsOf(text), after = wordsOf(once);
  ASSERT_EQ(before.tokens, after.tokens) << name;
  ASSERT_EQ(before.comments, after.comments) << name;
  EXPECT_EQ(once.find('\r'), std::string::npos) << name;
  EXPECT_EQ(once.find("\n\n\n"), std::string::npos) << name;
  EXPECT_EQ(once.find(" \n"), std::string::npos) << name;
  EXPECT_TRUE(once.empty() || (once.back() == '\n' && once.find_last_not_of('\n') == once.size() - 2))
      << name;
}

// Every program of the repository. A test file that holds several is taken apart where they begin (`//---
// name`).
std::vector<Program> allPrograms() {
  std::vector<Program> programs;
  for (const char *folder : {"stdlib", "examples", "test"})
    for (const auto &entry : fs::recursive_directory_iterator(fs::path(CLEAVE_SOURCE_DIR) / folder)) {
      std::string extension = entry.path().extension().string();
      if (extension != ".dsl" && extension != ".test")
        continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::ostringstream text;
      text << in.rdbuf();
      std::string rest = text.str();
      size_t part = rest.find("//--- ");
      if (extension == ".dsl")
        programs.push_back({entry.path().string(), rest.substr(0, part)});
      while (part != std::string::npos) {
        size_t next = rest.find("//--- ", part + 1);
        programs.push_back({entry.path().string(), rest.substr(part, next - part)});
        part = next;
      }
    }
  return programs;
}

std::vector<Program> rightPrograms() {
  std::vector<Program> programs;
  for (Program &program : allPrograms())
    if (parses(program.text))
      programs.push_back(std::move(program));
  return programs;
}

// The same words with other white space between them, and now and then a comment.
std::string perturbed(const std::string &text, std::mt19937 &random, unsigned commentsInTen) {
  diag::Source source("program.dsl", text);
  syntax::TokenTree tree(source);
  static const char *const spaces[] = {" ", "\n", "\r\n", "\t", "\n\n\n", " \n  ", "  ", "\n\t\n"};
  std::string out;
  auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  for (antlr4::Token *token : tree.getTokens()) {
    if (pick(10) < commentsInTen) {
      out += pick(2) ? " // added" : "\n/// added ";
      out += std::to_string(pick(1000)) + (pick(4) ? "" : "  ");
      out += pick(3) ? "\n" : "\r\n";
    }
    for (unsigned n = 1 + pick(2); n > 0; --n)
      out += spaces[pick(4) ? 0 : pick(std::size(spaces))];
    out += tree.textOf(*token);
    if (token->getType() == grammar::CleaveLexer::COMMENT)
      out += "\n";
  }
  return out;
}

TEST(FormatTest, KeepsEveryProgramOfTheRepository) {
  std::vector<Program> programs = rightPrograms();
  EXPECT_GT(programs.size(), 60u);
  for (const Program &program : programs)
    expectKept(program.text, program.name);
}

TEST(FormatTest, KeepsPerturbedPrograms) {
  std::mt19937 random(1);
  for (const Program &program : rightPrograms())
    for (unsigned round = 0; round < 4 && !HasFatalFailure(); ++round)
      expectKept(perturbed(program.text, random, round), program.name);
}

TEST(FormatTest, KeepsACommentBetweenAnyTwoTokens) {
  const std::string text =
      "entry f with (N = 1) (x: f32[N, ...L] from d in order) -> (y: f32) {\n"
      "  let y[n, ...l: ...L] = if -x[n] outside -1 > sum(k) k { yield a.b(c: 1) } else {}\n"
      "  update a with B(c, d: !e)\n}\n";
  size_t count = wordsOf(text).tokens.size();
  for (size_t at = 0; at < count; ++at)
    for (const char *comment : {" // here\n", "\n/// here\n", "\n\n// here\n// there\n\n"}) {
      diag::Source source("program.dsl", text);
      syntax::TokenTree tree(source);
      std::string commented;
      for (size_t i = 0; i < count; ++i)
        commented.append(i == at ? comment : " ").append(tree.textOf(*tree.getTokens()[i]));
      expectKept(commented, "comment before token " + std::to_string(at));
    }
}

// Other white space and blanks gone, the text is the same: the layout depends on the words, on comments and
// on where the author put a block on one line.
TEST(FormatTest, ForgetsHowLinesWereBroken) {
  for (const Program &program : rightPrograms()) {
    std::string once = formatted(program.text), joined;
    std::istringstream lines(once);
    for (std::string line; std::getline(lines, line);) {
      bool plain = line.find("//") == std::string::npos && !line.empty();
      // A continuation goes back to the line it continues.
      bool continues = plain && !joined.empty() && line.compare(0, 4, "    ") == 0 && joined.back() == ',';
      joined += continues ? line : (joined.empty() ? "" : "\n") + line;
    }
    EXPECT_EQ(formatted(joined), once) << program.name;
  }
}

TEST(FormatTest, RefusesSyntaxErrors) {
  unsigned refused = 0;
  for (const Program &program : allPrograms()) {
    if (parses(program.text))
      continue;
    diag::Engine engine;
    EXPECT_FALSE(format::format(*engine.addSource(program.name, program.text), engine)) << program.name;
    EXPECT_TRUE(engine.hasErrors());
    ++refused;
  }
  EXPECT_GT(refused, 0u);
}

TEST(FormatTest, Spaces) {
  EXPECT_EQ(formatted("axis A=4,B = - 2*A\ndata d=bytes ( \"x\" )"),
            "axis A = 4, B = -2 * A\ndata d = bytes(\"x\")\n");
  EXPECT_EQ(formatted("layer l=nn . L [ A,B :C , ... D ]"), "layer l = nn.L[A, B: C, ...D]\n");
  EXPECT_EQ(
      formatted(
          "function f [T :float,...L] (x:T[ ...L ])->T{return max (l:L)(- x [l ,0] outside - inf)*x . y}"),
      "function f[T: float, ...L](x: T[...L]) -> T { return max(l: L) (-x[l, 0] outside -inf) * x.y }\n");
  EXPECT_EQ(formatted("entry e with(A=1)(x:u8[A])->(y:f32){print (\"y\",x) return ! x}"),
            "entry e with (A = 1) (x: u8[A]) -> (y: f32) {\n  print(\"y\", x)\n  return !x\n}\n");
  EXPECT_EQ(formatted("composite function f(x:f32){return x}backward(dy){return dy}"),
            "composite function f(x: f32) { return x } backward (dy) { return dy }\n");
  EXPECT_EQ(
      formatted(
          "local function f [R :mesh,T=R-1 , A](x:f32[A]){return permute(x,over :R)}backward(dy){return dy}"),
      "local function f[R: mesh, T = R - 1, A](x: f32[A]) { return permute(x, over: R) } backward (dy) { "
      "return dy }\n");
}

TEST(FormatTest, Plans) {
  EXPECT_EQ(formatted("link k (bandwidth :1e9,latency:1e-6 , domain:\"node\")mesh m( dp :2 over k,tp : 2 )"),
            "link k(bandwidth: 1e9, latency: 1e-6, domain: \"node\")\nmesh m(dp: 2 over k, tp: 2)\n");
  EXPECT_EQ(formatted("plan p for l extends q on mesh ( dp :2 ){shard A,B over dp,tp [ 1 : 2 ]"
                      "layout l . b [ * ] . w:[ A / dp / tp ?,B ]partial sum over tp "
                      "store params of l . * over dp accumulate 2 of A recompute l.a,l.b remainder pad for A "
                      "allow reshard<=1 MiB assert no all_gather in l assert count ( all_reduce over tp )<=3 "
                      "assert  equivalent  to n . p( dp :2,tp: 2*2 ) manual f(q:[ A ],k:[B])->( [A] )=g "
                      "manual n . f ( q :[ ... L,A / tp ])->[A]=g over tp , dp}"),
            "plan p for l extends q on mesh(dp: 2) {\n"
            "  shard A, B over dp, tp[1:2]\n"
            "  layout l.b[*].w: [A/dp/tp?, B] partial sum over tp\n"
            "  store params of l.* over dp\n"
            "  accumulate 2 of A\n"
            "  recompute l.a, l.b\n"
            "  remainder pad for A\n"
            "  allow reshard <= 1 MiB\n"
            "  assert no all_gather in l\n"
            "  assert count(all_reduce over tp) <= 3\n"
            "  assert equivalent to n.p(dp: 2, tp: 2 * 2)\n"
            "  manual f(q: [A], k: [B]) -> ([A]) = g\n"
            "  manual n.f(q: [...L, A/tp]) -> [A] = g over tp, dp\n"
            "}\n");
  EXPECT_EQ(formatted("plan a=b(dp:2)plan c on m{save x}"), "plan a = b(dp: 2)\nplan c on m { save x }\n");
}

TEST(FormatTest, BlocksStayOnTheirLineWhenTheyFit) {
  const std::string inlined = "function f(x: f32) -> f32 { return if x > 0 { yield x } else { yield -x } }\n";
  EXPECT_EQ(formatted(inlined), inlined);
  EXPECT_EQ(formatted("function f(x: f32) -> f32 {\nreturn if x > 0 { yield x } else { yield -x } }"),
            "function f(x: f32) -> f32 {\n  return if x > 0 { yield x } else { yield -x }\n}\n");
  EXPECT_EQ(formatted("function f(x: f32) -> f32 { return x // why\n}"),
            "function f(x: f32) -> f32 {\n  return x // why\n}\n");
  std::string name(90, 'x');
  EXPECT_EQ(formatted("function f(" + name + ": f32) -> f32 { return " + name + " }"),
            "function f(" + name + ": f32) -> f32 {\n  return " + name + "\n}\n");
}

TEST(FormatTest, BreaksLongLinesBetweenLargeParts) {
  std::string a(50, 'a'), b(40, 'b'), c(50, 'c');
  EXPECT_EQ(formatted("function f(" + a + ": f32, " + b + ": f32, " + c + ": f32) -> f32 {}"),
            "function f(" + a + ": f32, " + b + ": f32,\n    " + c + ": f32) -> f32 {}\n");
  EXPECT_EQ(formatted("function f() {\nreturn " + a + " + " + b + " * " + c + " }"),
            "function f() {\n  return " + a + "\n      + " + b + " * " + c + "\n}\n");
  EXPECT_EQ(formatted("function f() {\nlet x = g(" + a + ", h(" + b + ", " + c + ")) }"),
            "function f() {\n  let x = g(" + a + ",\n      h(" + b + ", " + c + "))\n}\n");
}

TEST(FormatTest, KeepsOneBlankLineAndPlacesComments) {
  EXPECT_EQ(formatted("\n\n// a\n\n\n\n/// b\nfunction f() { // c\n\n// d\n\n  return 1 // e\n\n // "
                      "f\n\n}\n\n\n// g\n\n"),
            "// a\n\n/// b\nfunction f() { // c\n  // d\n\n  return 1 // e\n\n  // f\n}\n\n// g\n");
  EXPECT_EQ(formatted("axis A = 1,// one\r\n  // two\r\nB = 2"),
            "axis A = 1, // one\n    // two\n    B = 2\n");
  EXPECT_EQ(formatted(""), "");
  EXPECT_EQ(formatted(" \n\n"), "");
  EXPECT_EQ(formatted("// alone"), "// alone\n");
}

} // namespace
