// RUN: %cleave-opt --dist-propagate -split-input-file -verify-diagnostics %s

// Each rejected plan stands behind the accepted one that it was made from.

dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  dist.shard ["A"] over [#dist.axis<"tp">]
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  // expected-error @below {{E921: the ranks that an axis is cut over divide it, found A = 6 over 4 ranks}}
  dist.shard ["A"] over [#dist.axis<"tp">]
}
func.func @f(%x: tensor<6xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  dist.remainder [] "pad"
  dist.shard ["A"] over [#dist.axis<"tp">]
}
func.func @f(%x: tensor<6xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  dist.remainder ["A"] "uneven"
  // expected-error @below {{E921: every rank has an element of an axis that is cut, found A = 3 over 4 ranks}}
  dist.shard ["A"] over [#dist.axis<"tp">]
}
func.func @f(%x: tensor<3xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  // expected-error @below {{E920: shard names a mesh axis that @m does not have: "dp"}}
  dist.shard ["A"] over [#dist.axis<"dp">]
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  dist.layout_of "x" is #dist.layout<@m, [{"tp"}]>
  dist.layout_of "*" is #dist.layout<@m, [{"tp"}]>
  dist.replicate "x" over [#dist.axis<"dp">]
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  // expected-note @below {{the first is here; leave one of them out, or open dims that the other cuts}}
  dist.layout_of "x" is #dist.layout<@m, [{"tp"}]>
  // expected-error @below {{E922: a value has one layout, found a second for 'x'}}
  dist.layout_of "*" is #dist.layout<@m, [{"dp"}]>
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
// One is open to what the other says.
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  dist.layout_of "x" is #dist.layout<@m, [{"tp", ?}, {?}]>
  dist.layout_of "*" is #dist.layout<@m, [{?}, {"dp"}]>
}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {model.input = "x"}) { return }
// -----
// One of them is closed.
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  // expected-note @below {{the first is here; leave one of them out, or open dims that the other cuts}}
  dist.layout_of "x" is #dist.layout<@m, [{"tp", ?}, {}]>
  // expected-error @below {{E922: a value has one layout, found a second for 'x'}}
  dist.layout_of "*" is #dist.layout<@m, [{?}, {"dp"}]>
}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {model.input = "x"}) { return }
// -----
// Both are open, but a mesh axis cuts one dim.
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  // expected-note @below {{the first is here; leave one of them out, or open dims that the other cuts}}
  dist.layout_of "x" is #dist.layout<@m, [{"tp", ?}, {?}]>
  // expected-error @below {{E922: a value has one layout, found a second for 'x'}}
  dist.layout_of "*" is #dist.layout<@m, [{?}, {"tp", ?}]>
}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp", "dp"] = [4, 2]
dist.plan @p on @m hash "" {
  // expected-note @below {{its layout is stated here; leave one of them out}}
  dist.layout_of "x" is #dist.layout<@m, [{"tp"}]>
  // expected-error @below {{E922: a value that is replicated over a mesh axis is not cut over it, found 'x' cut over "tp"}}
  dist.replicate "x" over [#dist.axis<"tp">]
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  // expected-error @below {{E923: a selector names values of the program, found none for 'blocks[*].u'; did you mean 'blocks[*].up'?}}
  dist.layout_of "blocks[*].u" is #dist.layout<@m, [{"tp"}]>
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "blocks[*].up"}) { return }
// -----
dist.mesh @m ["tp"] = [4]
dist.plan @p on @m hash "" {
  // expected-error @below {{E923: a layout has a dim for each axis of its value, found 2 for the 1 of 'x'}}
  dist.layout_of "x" is #dist.layout<@m, [{"tp"}, {}]>
}
func.func @f(%x: tensor<8xf32, #model.axes<A>> {model.input = "x"}) { return }
// -----
// With no plan, layouts that stand in the module.
dist.mesh @m ["tp"] = [4]
// expected-error @below {{layout #dist.layout<@m, [{"tp"}, {"tp"}]> uses mesh axis "tp" twice}}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"tp"}, {"tp"}]>}) { return }
// -----
dist.mesh @m ["tp"] = [4]
// expected-error @below {{splits mesh axis "tp" of size 4 at (1)3, which does not divide it}}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"tp":(1)3}, {}]>}) { return }
// -----
dist.mesh @m ["tp"] = [4]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"tp":(1)2}, {"tp":(2)2}]>}) { return }
// -----
// Values of a group agree.
dist.mesh @m ["tp", "dp"] = [4, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"tp", ?}, {?}]>},
             %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{?}, {"dp"}]>}) {
  dist.group %x id 0 : tensor<8x8xf32, #model.axes<A, B>>
  dist.group %y id 0 : tensor<8x8xf32, #model.axes<A, B>>
  return
}
// -----
dist.mesh @m ["tp", "dp"] = [4, 2]
// expected-error @below {{stands for a value of a group, whose values have one layout; found #dist.layout<@m, [{"tp"}, {?}]> for another}}
// expected-note @below {{which is here; leave one of them out, or open its dims}}
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"tp"}, {?}]>}, %y: tensor<8x8xf32, #model.axes<A, B>> {dist.layout = #dist.layout<@m, [{"dp"}, {?}]>}) {
  dist.group %x id 0 : tensor<8x8xf32, #model.axes<A, B>>
  dist.group %y id 0 : tensor<8x8xf32, #model.axes<A, B>>
  return
}
// -----
dist.mesh @m ["tp", "dp"] = [4, 2]
func.func @f(%x: tensor<8x8xf32, #model.axes<A, B>>, %y: tensor<8xf32, #model.axes<A>>) {
  // expected-note @below {{the first of group 0 is here}}
  dist.group %x id 0 : tensor<8x8xf32, #model.axes<A, B>>
  // expected-error @below {{needs values of one shape, found 'tensor<8xf32, #model.axes<A>>' and 'tensor<8x8xf32, #model.axes<A, B>>'}}
  dist.group %y id 0 : tensor<8xf32, #model.axes<A>>
  return
}
