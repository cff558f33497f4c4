// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Layers: objects, parameters, states, repeats.

//--- wrong.dsl
axis N = 4, M = 3, Depth = 2
layer Dense[T: float, In, Out](x: T[In]) -> T[Out] {
  param w: T[In, Out] = 0
  return y[o] = sum(i) x[i] * w[i, o]
}
layer Grows(x: f32[N]) -> f32[M] {
  layer inner = Dense
  return inner(x)
}
layer Stack(x: f32[N]) -> f32[M] {
  repeat blocks[Depth] = Grows
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E211]: what a repeated layer gives is what it takes, found f32[N] to f32[M] for blocks
// CHECK-DAG: note: the repeat is declared here
  return blocks(x)
}
layer Misspelt(x: f32[N]) -> f32[M] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:17: error[E101]: a layer must be declared, found unknown name 'Desne'
// CHECK-DAG: hint: did you mean 'Dense'?
  layer other = Desne
  return other(x)
}
layer Another(x: f32[N], y: f32[M]) -> f32[M] {
  layer inner = Dense[N, M]
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:27: error[E202]: argument 'x' of Dense is T[In] with In = N, found f32[M] (In is already N)
// CHECK-DAG: note: the parameter is declared here
  return inner(x) + inner(y)
}
layer Uncalled(x: f32[N]) -> f32[N] {
  layer inner = Dense[N, M]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:17: error[E112]: a sub-layer's parameter is read after its first call, found inner not called yet
  return y[n] = inner.w[n, 0]
}
layer TooMany(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:29: error[E108]: Dense takes fewer explicit axes, found one too many
  layer inner = Dense[N, M, Depth]
  return x
}
layer NoGeneric(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:28: error[E107]: Dense has no generic of that name, found 'Inn'
// CHECK-DAG: hint: did you mean 'In'?
  layer inner = Dense[Inn: N]
  return x
}
layer IntegerGeneric(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:26: error[E210]: generic T of Dense cannot be i32, found that T must be a float type
  layer inner = Dense[T: i32]
  return x
}
layer NotCalled(x: f32[N]) -> f32[N] {
  layer inner = Dense
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:14: error[E106]: a layer is called to give a value, found inner without arguments
  return x * inner
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:46: error[E106]: a layer is called through an object that owns its parameters, found the layer Dense
// CHECK-DAG: hint: declare one: layer dense = Dense
layer NoObject(x: f32[N]) -> f32[M] { return Dense(x) }
layer Initial(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:21: error[E111]: an initialiser uses constants, index variables and random numbers only, found x
  param w: f32[N] = x
  return x * w
}
layer Untrained(x: f32[N]) -> f32[N] {
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:12: error[E301]: a parameter is trained: its type is floating-point, found i32[N]
// CHECK-DAG: hint: declare it as state if it is not trained
  param w: i32[N] = 0
  return x
}
layer Counts(x: f32[N]) -> f32[N] {
  state count: i32 = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:7: error[E110]: set gives a declared state its new value, found 'cuont', which is no state here
// CHECK-DAG: hint: did you mean 'count'?
  set cuont = count + 1
  return x
}
layer SetsParameter(x: f32[N]) -> f32[N] {
  param w: f32[N] = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:7: error[E110]: parameters change by update only, found set of the parameter 'w'
  set w = x
  return x
}
layer SetsValue(x: f32[N]) -> f32[N] {
  let y = x
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:7: error[E110]: set gives a declared state its new value, found 'y', which is no state here
// CHECK-DAG: hint: declare it: state y: f32 = 0; or bind a new name with let
  set y = x
  return x
}
layer SetsType(x: f32[N]) -> f32[N] {
  state w: f32[M] = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:11: error[E202]: 'w' is f32[M], found f32[N]
  set w = x
  return x
}
layer SetsInside(c: bool, x: f32[N]) -> f32[N] {
  state m: f32[N] = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:18: error[E111]: a state is set at the top level of a layer or entry, found set inside another body
  let y = if c { set m = x yield x } else { yield -x }
  return y
}
function has_parameter(x: f32) -> f32 {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E111]: param stands at the top level of a layer, found it elsewhere
  param w: f32 = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:14: error[E101]: a name in an expression must be declared, found unknown name 'w'
  return x * w
}
function has_layer(x: f32[N]) -> f32[M] {
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:3: error[E111]: sub-layers are declared at the top level of a layer, found one elsewhere
  layer inner = Dense
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E101]: a function or layer must be declared, found unknown name 'inner'
  return inner(x)
}
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:15: error[E101]: a layer must be declared, found unknown name 'Desne'
// CHECK-DAG: hint: did you mean 'Dense'?
layer named = Desne
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:20: error[E101]: a layer must be declared, found unknown name 'sqrt'
layer a_function = sqrt
layer net = Dense[N, M]
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:49: error[E106]: a file-level layer is called in entries only, found net here
function uses_net(x: f32[N]) -> f32[M] { return net(x) }
state count: i64 = 0
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:50: error[E111]: a file-level state is read by entries only (functions are pure), found count here
// CHECK-DAG: note: the state is declared here
function reads_state(x: i64) -> i64 { return x + count }

//--- right.dsl
axis N = 4, M = 3, Depth = 2
layer Dense[T: float, In, Out](x: T[In]) -> T[Out] {
  param w: T[In, Out] = 0
  return y[o] = sum(i) x[i] * w[i, o]
}
layer Keeps(x: f32[N]) -> f32[N] {
  layer inner = Dense
  return inner(x)
}
layer Stack(x: f32[N]) -> f32[N] {
  repeat blocks[Depth] = Keeps
  return blocks(x)
}
layer Spelt(x: f32[N]) -> f32[M] {
  layer other = Dense
  return other(x)
}
layer Another(x: f32[N], y: f32[N]) -> f32[M] {
  layer inner = Dense[N, M]
  return inner(x) + inner(y)
}
layer Called(x: f32[N]) -> f32[N] {
  layer inner = Dense[N, M]
  let z = inner(x)
  return y[n] = inner.w[n, 0] * z[0]
}
layer Enough(x: f32[N]) -> f32[N] {
  layer inner = Dense[N, M]
  return x
}
layer Generic(x: f32[N]) -> f32[N] {
  layer inner = Dense[In: N]
  return x
}
layer FloatGeneric(x: f32[N]) -> f32[N] {
  layer inner = Dense[T: f32]
  return x
}
layer IsCalled(x: f32[N]) -> f32[N] {
  layer inner = Dense[Out: N]
  return x * inner(x)
}
layer Object(x: f32[N]) -> f32[M] {
  layer dense = Dense
  return dense(x)
}
layer Initial(x: f32[N]) -> f32[N] {
  param w: f32[N] = normal(std: 1 / sqrt(N))
  return x * w
}
layer Untrained(x: f32[N]) -> f32[N] {
  state w: i32[N] = 0
  return x
}
layer Counts(x: f32[N]) -> f32[N] {
  state count: i32 = 0
  set count = count + 1
  return x
}
layer SetsState(x: f32[N]) -> f32[N] {
  state w: f32[N] = 0
  set w = x
  return x
}
layer SetsType(x: f32[M]) -> f32[M] {
  state w: f32[M] = 0
  set w = x
  return x
}
layer SetsOutside(c: bool, x: f32[N]) -> f32[N] {
  state m: f32[N] = 0
  let y = if c { yield x } else { yield -x }
  set m = x
  return y
}
layer HasParameter(x: f32) -> f32 {
  param w: f32 = 0
  return x * w
}
layer named = Dense
layer net = Dense[N, M]
entry uses_net(x: f32[N]) -> (y: f32[M]) { return net(x) }
state count: i64 = 0
entry reads_state(x: i64) -> (y: i64) {
  set count = count + 1
  return x + count
}
