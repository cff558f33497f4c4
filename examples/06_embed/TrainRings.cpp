// Compiles rings.dsl in this process, trains it on points of its own and saves what it has learnt.
//
//   train-rings rings.dsl rings.safetensors
//
// The entries read x and ring where they lie and write loss and guess there: no value is copied.
#include <cleave/compiler.hpp>

#include <cmath>
#include <cstdio>
#include <random>

namespace {

constexpr int kBatch = 64, kRings = 3;

struct Points {
  std::vector<float> x = std::vector<float>(kBatch * 2);
  std::vector<int32_t> ring = std::vector<int32_t>(kBatch);

  // Points around the origin, half a unit or more from each other's rings.
  void draw(std::mt19937 &random) {
    std::uniform_real_distribution<float> turn(0, 6.2831853f), blur(-0.2f, 0.2f);
    for (int i = 0; i < kBatch; ++i) {
      ring[i] = static_cast<int32_t>(random() % kRings);
      float radius = 0.5f + static_cast<float>(ring[i]) + blur(random), angle = turn(random);
      x[2 * i] = radius * std::cos(angle);
      x[2 * i + 1] = radius * std::sin(angle);
    }
  }
};

int train(const char *source, const char *saved) {
  cleave::CompileOptions sizes;
  sizes.sets["Batch"] = std::to_string(kBatch);
  cleave::Instance instance(cleave::compile(source, sizes));
  instance.initialise(/*seed=*/1);

  std::mt19937 random(7);
  Points points;
  std::vector<float> loss(1);
  instance.bindInput("train", "x", points.x);
  instance.bindInput("train", "ring", points.ring);
  instance.bindOutput("train", "loss", loss);
  for (int step = 0; step < 400; ++step) {
    points.draw(random);
    instance.run("train");
    if (step % 100 == 0)
      std::printf("step %d loss %.3f\n", step, loss[0]);
  }

  std::vector<int32_t> guess(kBatch);
  instance.bindInput("apply", "x", points.x);
  instance.bindOutput("apply", "ring", guess);
  points.draw(random);
  instance.run("apply");
  int right = 0;
  for (int i = 0; i < kBatch; ++i)
    right += guess[i] == points.ring[i];
  std::printf("right %d of %d\n", right, kBatch);
  instance.save(saved);
  return 0;
}

} // namespace

int main(int count, char **arguments) {
  if (count != 3) {
    std::fprintf(stderr, "usage: train-rings PROGRAM.dsl SAVED.safetensors\n");
    return 2;
  }
  try {
    return train(arguments[1], arguments[2]);
  } catch (const cleave::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
