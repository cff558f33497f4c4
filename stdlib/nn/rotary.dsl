// Positions as rotations.

/// How fast each pair of a head's elements turns, per position: element d and element d + Head / 2 are a pair.
///
/// Shapes: -> [Head]. Formula: base ^ (-2 (d mod Head / 2) / Head).
/// Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, section 3.2.2.
function rotary_frequencies[Head](head: axis Head, base: f32 = 10000.0) -> f32[Head] {
  return f[d: Head] = f32(pow(f64(base), -2 * f64(d % (Head / 2)) / Head)) // an error here grows with the position
}

/// `rotary_frequencies` of a model trained on `trained` positions, stretched to `factor` times as many: slow turns are
/// slowed down by `factor`, fast ones (`fast` and more within what was trained) stay, those between are mixed.
///
/// Shapes: -> [Head]. Formula: with n = trained f / (2 pi) turns and m = (n - slow) / (fast - slow) limited to [0, 1]:
/// m f + (1 - m) f / factor.
/// Source: Grattafiori et al., "The Llama 3 herd of models", 2024; its published configuration ("llama3").
function stretched_frequencies[Head](head: axis Head, base: f32, factor: f32, slow: f32, fast: f32, trained: f32)
    -> f32[Head] {
  let f = rotary_frequencies(head: Head, base: base)
  let turns[d] = trained * f[d] / 6.283185307179586
  let mixed[d] = minimum(1, maximum(0, (turns[d] - slow) / (fast - slow)))
  return y[d] = mixed[d] * f[d] + (1 - mixed[d]) * f[d] / factor
}

/// Cosines and sines of positions, for `rotary`: made once, used in every layer.
///
/// Shapes: position i32 [...L], frequencies [Head] -> two [...L, Head]. Formula: cos and sin of position f[d].
function rotary_table[Head, ...L](position: i32[...L], frequencies: f32[Head]) -> (f32[...L, Head], f32[...L, Head]) {
  let cosine[...l, d] = cos(f32(position[...l]) * frequencies[d])
  let sine[...l, d] = sin(f32(position[...l]) * frequencies[d])
  return cosine, sine
}

/// Turns each pair of elements (d, d + Head / 2) of every head by its position's angles. This is the convention of the
/// published Llama weights; the paper pairs neighbours, which is another order of the same elements.
///
/// Shapes: x [Batch, ...Heads, Seq, Head], cosine and sine [Batch, Seq, Head] -> that of x.
/// Formula: x[d] cos - x[d + Head / 2] sin in the first half, x[d] cos + x[d - Head / 2] sin in the second.
/// Source: Su et al., "RoFormer: enhanced transformer with rotary position embedding", 2021, section 3.4.2.
function rotary[T: float, Batch, Seq, Head, ...Heads](x: T[Batch, ...Heads, Seq, Head], cosine: f32[Batch, Seq, Head],
    sine: f32[Batch, Seq, Head]) -> T[Batch, ...Heads, Seq, Head] {
  return y[b, ...h, s, d] = x[b, ...h, s, d] * T(cosine[b, s, d])
      + ((x[b, ...h, s, d - Head / 2] outside 0) - (x[b, ...h, s, d + Head / 2] outside 0)) * T(sine[b, s, d])
}
