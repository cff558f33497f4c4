// RUN: rm -rf %t && split-file --leading-lines %s %t
// RUN: not cleave check --quiet %t/wrong.dsl 2>&1 | FileCheck %s
// RUN: cleave check --quiet %t/right.dsl
// Trees: gradients by parameters, each, total, update.

//--- wrong.dsl
axis N = 4, M = 3
layer Dense(x: f32[N]) -> f32[M] {
  param w: f32[N, M] = 0
  return y[m] = sum(n) x[n] * w[n, m]
}
layer Sgd[T: float, ...P](p: T[...P], g: T[...P], rate: T) -> T[...P] { return p - rate * g }
layer Shrinks(p: f32[N, M], g: f32[N, M]) -> f32[N] { return y[n] = p[n, 0] + g[n, 0] }
function square[T: float, ...A](x: T[...A]) -> T { return sum(...a) x[...a] * x[...a] }
function double[T: float, ...A](x: T[...A]) -> T[...A] { return 2 * x }
layer net = Dense
layer early = Dense
entry tree_in_arithmetic(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E301]: a tree is worked on by each(f, tree) and total(f, tree), found one among operators
  let bad = g + 1
  return loss
}
entry each_of_another_type(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E211]: each gives a leaf of the same type, found that square gives f32 for net.w: f32[N, M]
  let bad = each(square, g)
  return loss
}
entry each_of_no_tree(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E301]: each works on a tree, found none among its arguments
  let bad = each(double, y)
  return loss
}
entry each_of_no_function(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:18: error[E101]: a function or layer must be declared, found unknown name 'duoble'
// CHECK-DAG: hint: did you mean 'double'?
  let bad = each(duoble, g)
  return loss
}
entry total_of_tensors(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:13: error[E211]: total sums one scalar type over the leaves, found that double gives f32[N, M] for net.w: f32[N, M]
  let bad = total(double, g)
  return loss
}
entry missing_argument(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:3: error[E108]: Sgd takes 2 arguments, found none for 'rate'
// CHECK-DAG: note: Sgd is declared here
  update net with Sgd(g)
  return loss
}
entry unknown_argument(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+3]]:26: error[E107]: Sgd has no parameter of that name, found 'rat'
// CHECK-DAG: note: Sgd is declared here
// CHECK-DAG: hint: did you mean 'rate'?
  update net with Sgd(g, rat: 0.1)
  return loss
}
entry another_shape(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:19: error[E211]: an optimiser gives the parameter's new value, found that Shrinks gives f32[N] for net.w: f32[N, M]
  update net with Shrinks(g)
  return loss
}
entry unknown_object(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:10: error[E101]: a file-level layer must be declared, found unknown name 'nte'
// CHECK-DAG: hint: did you mean 'net'?
  update nte with Sgd(g, 0.1)
  return loss
}
entry unknown_optimiser(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+2]]:19: error[E101]: an optimiser must be declared, found unknown name 'Sdg'
// CHECK-DAG: hint: did you mean 'Sgd'?
  update net with Sdg(g, 0.1)
  return loss
}
entry no_layer(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:19: error[E106]: an optimiser is a layer (p, g, ...) -> p, found square, a function
  update net with square(g)
  return loss
}
entry no_object(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:10: error[E106]: update changes a file-level layer, found Dense, a layer
  update Dense with Sgd(g, 0.1)
  return loss
}
entry unknown_parameter(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:15: error[E101]: a parameter or sub-layer must be declared in the layer, found unknown name 'weight' in Dense
  let w = net.weight
  return loss
}
entry not_called(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:24: error[E112]: the parameters of a layer are known once it has been called, found early before its first call
  let bad = grad(loss, early)
  return loss
}
entry printed(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
// CHECK-DAG: wrong.dsl:[[#@LINE+1]]:14: error[E301]: print takes tensors, found a tree
  print("g", g)
  return loss
}

//--- right.dsl
axis N = 4, M = 3
layer Dense(x: f32[N]) -> f32[M] {
  param w: f32[N, M] = 0
  return y[m] = sum(n) x[n] * w[n, m]
}
layer Sgd[T: float, ...P](p: T[...P], g: T[...P], rate: T) -> T[...P] { return p - rate * g }
layer Shrinks(p: f32[N, M], g: f32[N, M]) -> f32[N] { return y[n] = p[n, 0] + g[n, 0] }
function square[T: float, ...A](x: T[...A]) -> T { return sum(...a) x[...a] * x[...a] }
function double[T: float, ...A](x: T[...A]) -> T[...A] { return 2 * x }
layer net = Dense
layer early = Dense
entry tree_in_arithmetic(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let good = each(double, g)
  return loss
}
entry each_of_another_type(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let good = each(double, g)
  return loss
}
entry each_of_no_tree(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let good = double(y)
  return loss
}
entry total_of_tensors(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let good = total(square, g)
  return loss
}
entry missing_argument(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  update net with Sgd(g, 0.1)
  return loss
}
entry unknown_argument(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  update net with Sgd(g, rate: 0.1)
  return loss
}
entry unknown_parameter(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let w = net.w
  return loss
}
entry not_called(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  let z = early(x)
  let good = grad(z[0], early)
  return loss
}
entry printed(x: f32[N]) -> (loss: f32) {
  let y = net(x)
  let loss = sum(m) y[m]
  let g = grad(loss, net)
  print("g", total(square, g))
  return loss
}
