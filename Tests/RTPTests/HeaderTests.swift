import Base
import RTP
import Testing
