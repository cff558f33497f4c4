// RUN: %cleave-opt --split-input-file --verify-diagnostics --dist-propagate %s

!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func private @local(%x: !b) -> !b {
  return %x : !b
}
func.func @right(%x: !x) -> !x {
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}
func.func @layouts(%x: !x) -> !x {
  // expected-error @+1 {{needs a layout for each operand and result, got: 0 and 1}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func private @local(%x: !b) -> !b {
  return %x : !b
}
func.func @free(%x: !x) -> !x {
  // expected-error @+1 {{needs layouts over its manual axes [#dist.axis<"cp">], got: #dist.axis<"tp">}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"tp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func private @local(%x: !b) -> !b {
  return %x : !b
}
func.func @open(%x: !x) -> !x {
  // expected-error @+1 {{needs closed layouts with nothing pending at the boundary, got: #dist.layout<@m, [{"cp", ?}]>}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp", ?}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
dist.mesh @m ["cp"] = [2]
func.func private @local(%x: !x) -> !x {
  return %x : !x
}
func.func @block(%x: !x) -> !x {
  // expected-error @+1 {{has a body of its values' blocks, got: 'tensor<8xf32, #model.axes<Seq>>' for 'tensor<8xf32, #model.axes<Seq>>'}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<9xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp"] = [2]
func.func private @local(%x: !b) -> !b {
  return %x : !b
}
func.func @divide(%x: !x) -> !x {
  // expected-error @+1 {{needs dims that the manual axes divide, got: 9 over #dist.dim<{"cp"}>}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp"] = [2]
func.func private @local(%x: !b) -> !b {
  return %x : !b
}
func.func @mesh(%x: !x) -> !x {
  // expected-error @+1 {{is over axes of its mesh, got: "pp"}}
  %y = dist.manual @local(%x) over @m [#dist.axis<"pp">] in [#dist.layout<@m, [{}]>] out [#dist.layout<@m, [{}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func private @local(%x: !b) -> !b {
  // expected-error @+1 {{is over manual axes of its region, [#dist.axis<"cp">], got: #dist.axis<"tp">}}
  %y = dist.collective all_reduce sum %x by 0 over @m [#dist.axis<"tp">] : !b -> !b
  return %y : !b
}
func.func @over(%x: !x) -> !x {
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func @outside(%x: !x) -> !x {
  // expected-error @+1 {{stands in a manual region, got one outside}}
  %y = dist.collective all_reduce sum %x by 0 over @m [#dist.axis<"tp">] : !x -> !x
  return %y : !x
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!s = tensor<2x8xf32, #model.axes<ranks, Seq>>
dist.mesh @m ["cp"] = [2]
func.func private @types(%x: !x) -> !s {
  %y = dist.collective all_gather none %x by 0 over @m [#dist.axis<"cp">] : !x -> !s
  // expected-error @+1 {{has a combiner where it reduces, got: none}}
  %z = dist.collective all_reduce none %x by 0 over @m [#dist.axis<"cp">] : !x -> !x
  return %y : !s
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!s = tensor<2x8xf32, #model.axes<ranks, Seq>>
dist.mesh @m ["cp"] = [2]
func.func private @stacks(%x: !x) -> !s {
  // expected-error @+1 {{stacks along a leading dim, takes that apart, or keeps the type}}
  %y = dist.collective permute none %x by 1 over @m [#dist.axis<"cp">] : !x -> !s
  return %y : !s
}

// -----
!x = tensor<8xf32, #model.axes<Seq>>
!b = tensor<4xf32, #model.axes<Seq>>
!c = tensor<2xf32, #model.axes<Seq>>
dist.mesh @m ["cp", "tp"] = [2, 2]
func.func private @inner(%x: !c) -> !c {
  return %x : !c
}
func.func private @local(%x: !b) -> !b {
  // expected-error @+1 {{stands in no other manual region, got one in @local}}
  %y = dist.manual @inner(%x) over @m [#dist.axis<"tp">] in [#dist.layout<@m, [{"tp"}]>] out [#dist.layout<@m, [{"tp"}]>] : (!b) -> !b
  return %y : !b
}
func.func @nested(%x: !x) -> !x {
  %y = dist.manual @local(%x) over @m [#dist.axis<"cp">] in [#dist.layout<@m, [{"cp"}]>] out [#dist.layout<@m, [{"cp"}]>] : (!x) -> !x
  return %y : !x
}
