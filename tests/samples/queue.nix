# The depot's loader as a package, and the service that runs it at night.
{ lib, stdenv, fetchurl, python3, ... }:

let
  version = "4.2";

  # Compiles the scale's driver, which has no release of its own.
  scaleDriver = stdenv.mkDerivation {
    pname = "scale-driver";
    inherit version;
    src = fetchurl {
      url = "https://example.org/scale-${version}.tar.gz";
      hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    };
    buildInputs = [ python3 ];
  };

  rampName = number: "ramp-${toString number}";

  mkService = { ramp, user ? "loader" }: {
    description = "Loads the vans at ${rampName ramp}";
    serviceConfig = {
      User = user;
      ExecStart = "${scaleDriver}/bin/loader drain --ramp ${toString ramp}";
    };
  };
in
{
  packages.loader = scaleDriver;
  # Runs before the first van leaves.
  systemd.services.loader = mkService { ramp = 4; };
  meta = {
    license = lib.licenses.mit;
    platforms = lib.platforms.linux;
  };
}
