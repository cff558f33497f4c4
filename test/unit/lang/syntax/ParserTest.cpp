// Precedence, places and depth of what the parser builds.
#include "lang/syntax/Parser.h"

#include <gtest/gtest.h>

using namespace cleave;
using Kind = syntax::Expr::Kind;

// An expression with every operator in brackets; reductions as `(sum: ...)`.
static std::string show(const syntax::Expr &e) {
  switch (e.kind) {
  case Kind::Unary:
    return "(" + std::string(e.text) + show(*e.left) + ")";
  case Kind::Binary:
    return "(" + show(*e.left) + std::string(e.text) + show(*e.right) + ")";
  case Kind::Reduction:
    return "(" + std::string(e.text) + ": " + show(*e.left) + ")";
  case Kind::Index: {
    std::string out = show(*e.left) + "[";
    for (const syntax::Subscript &s : e.subscripts)
      out += (out.back() == '[' ? "" : ",") + (s.pack ? "..." + std::string(s.name.text) : show(*s.value));
    return out + "]" + (e.right ? " outside " + show(*e.right) : "");
  }
  case Kind::Call: {
    std::string out = show(*e.left) + "(";
    for (const syntax::Argument &a : e.arguments)
      out += (out.back() == '(' ? "" : ",") + std::string(a.name.text) + (a.name.empty() ? "" : ":") +
             show(*a.value);
    return out + ")";
  }
  case Kind::Member:
    return show(*e.left) + "." + std::string(e.name.text);
  default:
    return std::string(e.text);
  }
}

static std::string parsed(const std::string &expression) {
  diag::Engine engine;
  const diag::Source *source = engine.addSource("x.dsl", "hyper h = " + expression);
  std::unique_ptr<syntax::File> file = syntax::parse(*source, engine);
  return file ? show(*file->items[0]->bindings[0].value) : engine.render();
}

TEST(ParserTest, OperatorsBindByStrengthAndToTheLeft) {
  EXPECT_EQ(parsed("a + b * c - d"), "((a+(b*c))-d)");
  EXPECT_EQ(parsed("a / b / c % d"), "(((a/b)/c)%d)");
  EXPECT_EQ(parsed("a < b + 1 && c || !d"), "(((a<(b+1))&&c)||(!d))");
  EXPECT_EQ(parsed("-a * b"), "((-a)*b)");
  EXPECT_EQ(parsed("- - a"), "(-(-a))");
  EXPECT_EQ(parsed("a * (b + c)"), "(a*(b+c))");
}

TEST(ParserTest, AReductionTakesTheProductsThatFollow) {
  EXPECT_EQ(parsed("sum(i) a * b + c"), "((sum: (a*b))+c)");
  EXPECT_EQ(parsed("sum(i) a / b < c"), "((sum: (a/b))<c)");
  EXPECT_EQ(parsed("a * sum(i) b * c - d"), "((a*(sum: (b*c)))-d)");
  EXPECT_EQ(parsed("-sum(i) -a * b"), "(-(sum: ((-a)*b)))");
  EXPECT_EQ(parsed("max(i) sum(j) a * b"), "(max: (sum: (a*b)))");
  EXPECT_EQ(parsed("sum(i) (a + b)"), "(sum: (a+b))");
}

TEST(ParserTest, SuffixesChain) {
  EXPECT_EQ(parsed("nn.softmax(a, over: K)[...l, s + 1] outside -inf"),
            "nn.softmax(a,over:K)[...l,(s+1)] outside (-inf)");
  EXPECT_EQ(parsed("f[A, B](x)"), "f[A,B](x)");
}

TEST(ParserTest, PlacesCoverWhatWasWritten) {
  diag::Engine engine;
  const diag::Source *source = engine.addSource("x.dsl", "// \xc3\xa9\nhyper h = (a + b) * c");
  std::unique_ptr<syntax::File> file = syntax::parse(*source, engine);
  ASSERT_TRUE(file);
  const syntax::Expr &e = *file->items[0]->bindings[0].value;
  EXPECT_EQ(source->getText().substr(e.location.begin, e.location.end - e.location.begin), "(a + b) * c");
  EXPECT_EQ(source->getText().substr(e.opLocation.begin, 1), "*");
  EXPECT_EQ(e.location.getLine(), 2u);
  EXPECT_EQ(e.location.getColumn(), 11u);
}

TEST(ParserTest, AnyBytesAreDiagnosedNotThrown) {
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    bytes += static_cast<char>(i);
  diag::Engine engine;
  EXPECT_FALSE(syntax::parse(*engine.addSource("x.dsl", bytes), engine));
  EXPECT_TRUE(engine.hasErrors());
}

TEST(ParserTest, ReductionsAreNamesWithoutABracket) {
  EXPECT_EQ(parsed("normal(mean: 0, std: max) + sum"), "(normal(mean:0,std:max)+sum)");
  EXPECT_EQ(parsed("mean (i) x"), "(mean: x)");
}
