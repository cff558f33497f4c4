// Linear maps and table look-ups.

/// An affine map of the last axis.
///
/// Shapes: x [...L, In] -> [...L, Out]; parameters w [In, Out], b [Out].
/// Formula: y[o] = sum(i) x[i] * w[i, o] + b[o].
/// Initial values: w uniform in ±1 / sqrt(In), b zero.
/// Source: LeCun et al., "Efficient BackProp", 1998, section 4.6 (the scale of w).
layer Linear[T: float, In, Out, ...L](x: T[...L, In]) -> T[...L, Out] {
  param w: T.wide[In, Out] = uniform(low: -1 / sqrt(In), high: 1 / sqrt(In))
  param b: T.wide[Out] = 0
  return y[...l, o] = (sum(i) x[...l, i] * T(w[i, o])) + T(b[o])
}

/// A linear map of the last axis, without an offset.
///
/// Shapes: x [...L, In] -> [...L, Out]; parameter w [In, Out].
/// Formula: y[o] = sum(i) x[i] * w[i, o].
/// Initial values: w normal, mean 0, deviation 0.02.
/// Source: Radford et al., "Language models are unsupervised multitask learners", 2019 (the deviation).
layer Projection[T: float, In, Out, ...L](x: T[...L, In]) -> T[...L, Out] {
  param w: T.wide[In, Out] = normal(std: 0.02)
  return y[...l, o] = sum(i) x[...l, i] * T(w[i, o])
}

/// Two linear maps, one gating the other, and a third back.
///
/// Shapes: x [...L, Embed] -> the same; parameters gate, up [Embed, Hidden], down [Hidden, Embed].
/// Formula: down(silu(gate(x)) * up(x)). Initial values: normal, mean 0, deviation 0.02.
/// Source: Shazeer, "GLU variants improve transformer", 2020, section 2 (SwiGLU).
layer SwiGlu[T: float, Hidden, Embed, ...L](x: T[...L, Embed]) -> T[...L, Embed] {
  param gate, up: T.wide[Embed, Hidden] = normal(std: 0.02)
  param down: T.wide[Hidden, Embed] = normal(std: 0.02)
  let g[...l, f] = sum(e) x[...l, e] * T(gate[e, f])
  let u[...l, f] = sum(e) x[...l, e] * T(up[e, f])
  let h = silu(g) * u
  return y[...l, e] = sum(f) h[...l, f] * T(down[f, e])
}

/// A table of learnt vectors, read at integer positions.
///
/// Shapes: ids i32 [...L] -> f32 [...L, Embed]; parameter table [Vocab, Embed].
/// Formula: y[...l, e] = table[ids[...l], e]. An id outside the table stops the run.
/// Initial values: normal, mean 0, deviation 0.02.
/// Source: Bengio et al., "A neural probabilistic language model", JMLR 2003, section 2.
layer Embedding[Vocab, Embed, ...L](ids: i32[...L]) -> f32[...L, Embed] {
  param table: f32[Vocab, Embed] = normal(std: 0.02)
  return y[...l, e] = table[ids[...l], e]
}
