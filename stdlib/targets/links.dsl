// Classes of links between ranks, by name: the defaults of meshes. Bandwidths are bytes per second that one rank sends in one
// direction, as measured by collectives of many MiB; latencies are of one message.

/// Ranks of one process, through its memory. What a mesh axis runs over that names nothing else.
link memory(bandwidth: 8e9, latency: 5e-6, domain: "process")

/// NVLink 4 through a switch. Source: NVIDIA H100 tensor core GPU architecture, 2022, table 3.
link nvlink(bandwidth: 450e9, latency: 2e-6, domain: "node")

/// PCI Express 5.0, 16 lanes.
link pcie(bandwidth: 50e9, latency: 4e-6, domain: "node")

/// InfiniBand NDR, one port for each device.
link infiniband(bandwidth: 50e9, latency: 5e-6, domain: "cluster")

/// 100 Gbit/s Ethernet.
link network(bandwidth: 12e9, latency: 2e-5, domain: "cluster")
