<#
.SYNOPSIS
Parcels that wait for a van.
#>
Set-StrictMode -Version Latest

enum Care {
    Fragile
    TwoPeople
}

class Parcel {
    [int] $Id
    [double] $Kilos

    # Whether two people must carry.
    [bool] IsHeavy() {
        return $this.Kilos -gt 31.5
    }

    static [Parcel] Parse([string] $line) {
        return [Parcel]::new()
    }
}

# Puts a parcel off until the next working day.
function Suspend-Parcel {
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [Parcel] $Parcel,
        [int] $Attempts = 0
    )
    if ($Attempts -ge 3) {
        Send-ParcelBack $Parcel
        return
    }
    $script:Waiting += $Parcel
}

Function script:Send-ParcelBack($Parcel) {
    Write-Output "back: $($Parcel.Id)"
}

filter Select-Heavy { if ($_.IsHeavy()) { $_ } }
