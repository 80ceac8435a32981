# Builds fickgate from its source: nix-build -E '(import <nixpkgs> {}).callPackage ./package.nix {}'
{ lib, rustPlatform, git, installShellFiles, src ? ./.. }:

rustPlatform.buildRustPackage {
  pname = "fickgate";
  version = "@version@";
  inherit src;
  cargoLock.lockFile = src + "/Cargo.lock";

  nativeBuildInputs = [ installShellFiles ];
  # The tests drive git.
  nativeCheckInputs = [ git ];

  postInstall = ''
    $out/bin/fickgate man >fickgate.1
    installManPage fickgate.1
    installShellCompletion --cmd fickgate \
      --bash <($out/bin/fickgate completions bash) \
      --fish <($out/bin/fickgate completions fish) \
      --zsh <($out/bin/fickgate completions zsh)
  '';

  meta = {
    description = "Keeps unsafe pickles out of git repositories";
    homepage = "@repository@";
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "fickgate";
  };
}
