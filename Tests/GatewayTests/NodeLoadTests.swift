import Testing

@testable import Gateway

@Suite("How busy the machine is")
struct NodeLoadTests {
  @Test("ticks of /proc/stat: what is neither idle nor waiting for a disk is use")
  func procStat() {
    let sample = NodeLoad.Sample(procStat: "cpu  100 10 40 800 50 0 0 0 7 7\ncpu0 1 2 3 4\n")
    #expect(sample == NodeLoad.Sample(used: 150, available: 1000))
    #expect(NodeLoad.Sample(procStat: "cpu 1 2\n") == nil && NodeLoad.Sample(procStat: "") == nil)
  }

  @Test("a container has what its control group gives it")
  func container() {
    let stat = "usage_usec 500000\nuser_usec 1\n"
    #expect(
      NodeLoad.Sample(cpuMax: "200000 100000\n", cpuStat: stat, elapsed: .seconds(2))
        == NodeLoad.Sample(used: 500_000, available: 4_000_000))
    #expect(NodeLoad.Sample(cpuMax: "max 100000\n", cpuStat: stat, elapsed: .seconds(2)) == nil)
    #expect(NodeLoad.Sample(cpuMax: "200000 100000\n", cpuStat: "nothing", elapsed: .seconds(2)) == nil)
  }

  @Test("the share is that of the last interval")
  func share() {
    let load = NodeLoad(limit: 0.9)
    load.note(.init(used: 100, available: 1000))
    #expect(load.share == 0 && !load.isExhausted)
    load.note(.init(used: 150, available: 1100))
    #expect(load.share == 0.5)
    load.note(.init(used: 245, available: 1200))
    #expect(load.share == 0.95 && load.isExhausted)
    load.note(nil)
    load.note(.init(used: 245, available: 1200))
    #expect(load.share == 0.95, "no time has passed")
  }

  @Test("free capacity is what is left of processors and of calls, whichever is less")
  func capacity() {
    let load = NodeLoad(limit: 0.8)
    #expect(load.freeCapacity(calls: 0, callLimit: 0) == 1)
    #expect(load.freeCapacity(calls: 75, callLimit: 100) == 0.25)
    #expect(load.freeCapacity(calls: 200, callLimit: 100) == 0)
    load.note(.init(used: 0, available: 0))
    load.note(.init(used: 60, available: 100))
    #expect(abs(load.freeCapacity(calls: 0, callLimit: 100) - 0.25) < 0.001)
    load.note(.init(used: 160, available: 200))
    #expect(load.freeCapacity(calls: 0, callLimit: 0) == 0)
  }
}
