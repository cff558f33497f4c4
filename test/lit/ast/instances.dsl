// RUN: cleave ir --stage ast %s | FileCheck %s
// One instance per binding of generics and constants; layer objects and their paths; axes rebound by an entry.
axis Batch = 4, Embed = 3, Hidden = 2 * Embed, Layers = 2
hyper wide: bool = true

layer Dense[T: float, In, Out, ...L](x: T[...L, In]) -> T[...L, Out] {
  param w: T[In, Out] = uniform(low: -1 / sqrt(In), high: 1 / sqrt(In))
  return y[...l, o] = sum(i) x[...l, i] * w[i, o]
}

function powered[T: float, ...A](x: T[...A], n: i64) -> T[...A] {
  return if n == 2 { yield x * x } else { yield x }
}

layer Block(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  layer up = Dense[Embed, Hidden]
  layer down = Dense[Hidden, Embed]
  return x + down(up(x))
}

layer Net(x: f32[Batch, Embed]) -> f32[Batch, Embed] {
  repeat blocks[Layers] = Block
  layer square = Dense[Embed, Embed]
  return powered(square(blocks(x)), 2) + powered(x, 3)
}

layer net = Net

// CHECK: param net.blocks[*].up.w: f32[Layers, Embed, Hidden] = {{.*}}uniform@0()
// CHECK: param net.blocks[*].down.w: f32[Layers, Hidden, Embed]
// The second of two generics that stand for one axis is an alias.
// CHECK: param net.square.w: f32[Embed, Embed_2]
// A constant argument is bound inside the instance, and decides the condition.
// CHECK: function powered.0(x: f32[Batch, Embed])
// CHECK-NEXT: return {{.*}} | (x{{.*}} * x{{.*}})}
// CHECK: function powered.1(x: f32[Batch, Embed])
// CHECK-NEXT: return x
// CHECK: layer Dense.0(x: f32[Batch, Embed]) -> (f32[Batch, Hidden])
// CHECK: layer Dense.1(x: f32[Batch, Hidden]) -> (f32[Batch, Embed])
// CHECK: layer Block.0
// CHECK: self.1:Dense.1(self.0:Dense.0(x))
// CHECK: return {l: Batch, o: Embed sum(i: Embed) | (x[l, i] * w[i, o])}
// CHECK: layer Net.0
// CHECK: layer blocks[Layers]
// CHECK: self.0:Block.0[Layers](x)
// CHECK: entry full(x: f32[Batch, Embed])
// CHECK: net:Net.0(x)
entry full(x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) { return net(x) }

// CHECK: entry one with (Batch = 1)(x: f32[Batch, Embed])
// CHECK: net:Net.1(x)
entry one with (Batch = 1) (x: f32[Batch, Embed]) -> (y: f32[Batch, Embed]) { return net(x) }
