// Normalisation of the last axis.

/// Centres and scales the last axis, then applies a learnt gain and offset.
///
/// Shapes: x [...L, Embed] -> the same; parameters gain [Embed], offset [Embed].
/// Formula: (x - mean) / sqrt(variance + epsilon) * gain + offset, variance = mean((x - mean)^2).
/// Initial values: gain one, offset zero.
/// Source: Ba, Kiros and Hinton, "Layer normalization", 2016, section 3.
layer LayerNorm[T: float, Embed, ...L](x: T[...L, Embed], epsilon: T = 1e-5) -> T[...L, Embed] {
  param gain: T[Embed] = 1
  param offset: T[Embed] = 0
  let centre[...l] = mean(e) x[...l, e]
  let d[...l, e] = x[...l, e] - centre[...l]
  let variance[...l] = mean(e) d[...l, e] * d[...l, e]
  let scale = rsqrt(variance + epsilon)
  return y[...l, e] = d[...l, e] * scale[...l] * gain[e] + offset[e]
}

/// Scales the last axis to unit mean square, then applies a learnt gain.
///
/// Shapes: x [...L, Embed] -> the same; parameter gain [Embed].
/// Formula: x / sqrt(mean(x^2) + epsilon) * gain.
/// Initial values: gain one.
/// Source: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019, section 4.
layer RmsNorm[T: float, Embed, ...L](x: T[...L, Embed], epsilon: T = 1e-6) -> T[...L, Embed] {
  param gain: T[Embed] = 1
  let square[...l] = mean(e) x[...l, e] * x[...l, e]
  let scale = rsqrt(square + epsilon)
  return y[...l, e] = x[...l, e] * scale[...l] * gain[e]
}
