// Normalisation of the last axis.

/// Centres and scales the last axis, then applies a gain and an offset.
///
/// Shapes: x [...L, Embed], gain [Embed], offset [Embed] -> [...L, Embed].
/// Formula: (x - mean) / sqrt(variance + epsilon) * gain + offset, variance = mean((x - mean)^2).
/// Source: Ba, Kiros and Hinton, "Layer normalization", 2016, section 3.
function layer_norm[T: float, Embed, ...L](x: T[...L, Embed], gain: T[Embed], offset: T[Embed], epsilon: T = 1e-5)
    -> T[...L, Embed] {
  let centre[...l] = mean(e) x[...l, e]
  let d[...l, e] = x[...l, e] - centre[...l]
  let variance[...l] = mean(e) d[...l, e] * d[...l, e]
  let scale = rsqrt(variance + epsilon)
  return y[...l, e] = d[...l, e] * scale[...l] * gain[e] + offset[e]
}

/// `layer_norm` with its gain (one at first) and offset (zero at first) as parameters.
///
/// Shapes: x [...L, Embed] -> the same; parameters gain [Embed], offset [Embed].
layer LayerNorm[T: float, Embed, ...L](x: T[...L, Embed], epsilon: T.wide = 1e-5) -> T[...L, Embed] {
  param gain: T.wide[Embed] = 1
  param offset: T.wide[Embed] = 0
  return T(layer_norm(T.wide(x), gain, offset, epsilon))
}

/// Scales the last axis to unit mean square, then applies a gain.
///
/// Shapes: x [...L, Embed], gain [Embed] -> [...L, Embed].
/// Formula: x / sqrt(mean(x^2) + epsilon) * gain.
/// Source: Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019, section 4.
function rms_norm[T: float, Embed, ...L](x: T[...L, Embed], gain: T[Embed], epsilon: T = 1e-6) -> T[...L, Embed] {
  let square[...l] = mean(e) x[...l, e] * x[...l, e]
  let scale = rsqrt(square + epsilon)
  return y[...l, e] = x[...l, e] * scale[...l] * gain[e]
}

/// `rms_norm` with its gain (one at first) as a parameter.
///
/// Shapes: x [...L, Embed] -> the same; parameter gain [Embed].
layer RmsNorm[T: float, Embed, ...L](x: T[...L, Embed], epsilon: T.wide = 1e-6) -> T[...L, Embed] {
  param gain: T.wide[Embed] = 1
  return T(rms_norm(T.wide(x), gain, epsilon))
}
