// RUN: not %cleave-opt --allow-unregistered-dialect --split-input-file %s 2>&1 | %FileCheck %s

// CHECK: has axis "x" twice
dist.mesh @m ["x", "x"] = [2, 4]
// -----
// CHECK: has axis "x" of size 0; sizes are at least 1
dist.mesh @m ["x"] = [0]
// -----
// CHECK: '?' comes last
"test.op"() {l = #dist.layout<@m, [{?, "x"}]>} : () -> ()
// -----
// CHECK: a part of a mesh axis is (SIZE BEFORE)SIZE
"test.op"() {l = #dist.layout<@m, [{"x":(0)2}]>} : () -> ()
