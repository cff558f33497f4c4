// Random masks.

/// Zeroes elements at random while training and scales the others up, so that the mean is kept.
///
/// Shapes: x [...A] -> the same. `rate` is the share of zeroed elements, in [0, 1).
/// Formula: x / (1 - rate) where uniform() >= rate, else 0; x itself when `training` is false.
/// The mask depends on seed, step, place in the program and position alone.
/// Source: Srivastava et al., "Dropout", JMLR 2014, section 10 (the inverted form).
function dropout[T: float, ...A](x: T[...A], rate: T, training: bool) -> T[...A] {
  return if training { yield where(uniform() < rate, 0, x / (1 - rate)) } else { yield x }
}
