import CFuzzer
import Glibc

/// Gives a parser to libFuzzer, with the arguments of the command line, and ends the process with its exit code.
public func fuzz(_ parser: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) -> Never {
  var count = CommandLine.argc
  var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
  exit(cfuzzer_run(&count, &arguments, parser))
}
