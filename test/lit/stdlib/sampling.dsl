// RUN: %cleave run %s --entry sets --quiet
// RUN: %cleave run %s --entry draws --quiet
// RUN: %cleave run %s --entry turns --quiet
// nn.top_k, nn.top_p, nn.greedy and nn.sample; nn.rotary at points whose values are known.
import nn

axis Rows = 4, Vocab = 6, Many = 8192, Classes = 4, Batch = 1, Heads = 1, Seq = 2, Head = 4

function kept(x: f32[Rows, Vocab]) -> i32[Rows] {
  return n[r] = sum(v) where(x[r, v] > -inf, i32(1), 0)
}

/// Rows: increasing; equal in pairs; all equal; one finite.
entry sets() -> (done: bool) {
  let x[r: Rows, v: Vocab] = where(r == 0, f32(v),
      where(r == 1, f32(v / 2), where(r == 2, f32(7), where(v == 3, 0.5, -inf))))
  let three = kept(nn.top_k(x, 3))
  assert(three[0] == 3 && three[1] == 4 && three[2] == 6 && three[3] == 1, "top_k keeps k, ties too, and no -inf")
  let one = kept(nn.top_k(x, 1))
  assert(one[0] == 1 && one[1] == 2 && one[2] == 6 && one[3] == 1, "top_k of one is the greatest")
  let top = nn.top_k(x, 3)
  assert(top[0, 3] == 3 && top[0, 2] == -inf && top[1, 2] == 1 && top[1, 1] == -inf, "top_k keeps the greatest")
  let all = kept(nn.top_k(x, 0))
  let most = kept(nn.top_k(x, 100))
  assert(all[0] == 6 && all[3] == 1 && most[0] == 6 && most[1] == 6, "k < 1 and k > Vocab keep all")
  // Probabilities of row 0, from above: 0.6336, 0.2331, 0.0858, 0.0315, 0.0116, 0.0043.
  let half = kept(nn.top_p(x, 0.5))
  let much = kept(nn.top_p(x, 0.9))
  let whole = kept(nn.top_p(x, 1))
  assert(half[0] == 1 && much[0] == 3 && whole[0] == 6, "top_p keeps the fewest that reach p")
  assert(half[1] == 2 && half[2] == 6 && half[3] == 1, "top_p keeps ties")
  let best = nn.greedy(x)
  assert(best[0] == 5 && best[1] == 4 && best[2] == 0 && best[3] == 3, "greedy takes the first of the greatest")
  let cold = nn.sample(x, 0, 0, 1)
  let single = nn.sample(x, 1, 1, 1)
  assert(cold[0] == 5 && cold[1] == 4 && cold[2] == 0 && cold[3] == 3, "temperature 0 is greedy")
  assert(single[0] == 5 && single[3] == 3, "k = 1 leaves one choice")
  return true
}

/// How often each class is drawn, beside softmax(logits / temperature): 0.5761, 0.2119, 0.1285, 0.0835.
entry draws() -> (done: bool) {
  let logits[m: Many, c: Classes] = where(c == 0, 2.0, where(c == 1, 0.5, where(c == 2, -0.25, f32(-0.8959))))
  let drawn = nn.sample(logits, 1.5, 0, 1)
  let often[c: Classes] = mean(m) where(i64(drawn[m]) == c, f32(1), 0)
  assert(abs(often[0] - 0.5761) < 0.02 && abs(often[1] - 0.2119) < 0.02 && abs(often[2] - 0.1285) < 0.02, "draws")
  let few = nn.sample(logits, 1.5, 2, 1)
  let seldom[c: Classes] = mean(m) where(i64(few[m]) == c, f32(1), 0)
  assert(abs(seldom[0] - 0.7311) < 0.02 && abs(seldom[1] - 0.2689) < 0.02 && seldom[2] + seldom[3] == 0, "after top_k")
  let likely = nn.sample(logits, 1.5, 0, 0.8)
  let rare[c: Classes] = mean(m) where(i64(likely[m]) == c, f32(1), 0)
  assert(rare[2] > 0.1 && rare[3] == 0, "after top_p")
  return true
}

/// Position 0 stays; position 2 turns the pairs (0, 2) by 2 and (1, 3) by 2 / 10.
entry turns() -> (done: bool) {
  let x[b: Batch, h: Heads, s: Seq, d: Head] = f32(d + 1)
  let position[b: Batch, s: Seq] = i32(2 * s)
  let (cosine, sine) = nn.rotary_table(position, nn.rotary_frequencies(head: Head, base: 100.0))
  let y = nn.rotary(x, cosine, sine)
  assert(y[0, 0, 0, 0] == 1 && y[0, 0, 0, 3] == 4, "position 0")
  assert(abs(y[0, 0, 1, 0] - -3.1440392) < 1e-5 && abs(y[0, 0, 1, 1] - 1.1654558) < 1e-5, "the first half")
  assert(abs(y[0, 0, 1, 2] - -0.3391431) < 1e-5 && abs(y[0, 0, 1, 3] - 4.3176050) < 1e-5, "the second half")
  return true
}
