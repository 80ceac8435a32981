# A Homebrew formula of the released binaries; `release/run recipes` fills in the version and the checksums.
class Fickgate < Formula
  desc "Keeps unsafe pickles out of git repositories"
  homepage "@repository@"
  version "@version@"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "@repository@/releases/download/v@version@/fickgate-v@version@-aarch64-apple-darwin.tar.gz"
      sha256 "@aarch64-apple-darwin@"
    end
    on_intel do
      url "@repository@/releases/download/v@version@/fickgate-v@version@-x86_64-apple-darwin.tar.gz"
      sha256 "@x86_64-apple-darwin@"
    end
  end

  on_linux do
    on_arm do
      url "@repository@/releases/download/v@version@/fickgate-v@version@-aarch64-unknown-linux-musl.tar.gz"
      sha256 "@aarch64-unknown-linux-musl@"
    end
    on_intel do
      url "@repository@/releases/download/v@version@/fickgate-v@version@-x86_64-unknown-linux-musl.tar.gz"
      sha256 "@x86_64-unknown-linux-musl@"
    end
  end

  def install
    bin.install "fickgate"
    generate_completions_from_executable(bin/"fickgate", "completions")
    (man1/"fickgate.1").write Utils.safe_popen_read(bin/"fickgate", "man")
  end

  test do
    (testpath/"m.pkl").write "cos\nsystem\n(S'true'\ntR."
    assert_match "os.system", shell_output("#{bin}/fickgate m.pkl", 1)
  end
end
