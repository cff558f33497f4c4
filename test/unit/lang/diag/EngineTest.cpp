// How diagnostics read, as text and as JSON, and which misspellings get a suggestion.
#include "lang/diag/Engine.h"

#include <gtest/gtest.h>

using namespace cleave::diag;

TEST(EngineTest, RendersPlaceCaretNotesAndHint) {
  Engine engine;
  const Source *source = engine.addSource("a.dsl", "axis A = 1\n\tlet x = yy\n");
  engine.error("E101", {source, 20, 22}, "a name must be declared, found 'yy'")
      .note({source, 5, 6}, "A is here")
      .suggest("did you mean 'y'?");
  EXPECT_EQ(engine.render(), "a.dsl:2:10: error[E101]: a name must be declared, found 'yy'\n"
                             "   2 | \tlet x = yy\n"
                             "     | \t        ^~\n"
                             "a.dsl:1:6: note: A is here\n"
                             "   1 | axis A = 1\n"
                             "     |      ^\n"
                             "  hint: did you mean 'y'?\n");
  EXPECT_NE(engine.renderJson().find("\"code\": \"E101\", \"file\": \"a.dsl\", \"line\": 2, \"column\": 10"),
            std::string::npos);
}

TEST(EngineTest, WarningsAreNoErrors) {
  Engine engine;
  engine.warning("E101", {}, "nothing");
  EXPECT_FALSE(engine.hasErrors());
  engine.error("E101", {}, "something");
  EXPECT_EQ(engine.getErrorCount(), 1u);
}

TEST(EngineTest, LongLinesAreCutAroundThePlace) {
  Engine engine;
  const Source *source = engine.addSource("a.dsl", std::string(5000, 'x'));
  engine.error("E001", {source, 2500, 2501}, "found");
  EXPECT_LT(engine.render().size(), 600u);
}

TEST(EngineTest, NearestFindsMisspellingsAndNothingElse) {
  std::vector<std::string> names = {"Batch", "Seq", "softmax", "T"};
  EXPECT_EQ(nearest("Btach", names), "Batch");
  EXPECT_EQ(nearest("batch", names), "Batch");
  EXPECT_EQ(nearest("sofmax", names), "softmax");
  EXPECT_EQ(nearest("t", names), "T");
  EXPECT_EQ(nearest("K", names), "");
  EXPECT_EQ(nearest("linear", names), "");
}
