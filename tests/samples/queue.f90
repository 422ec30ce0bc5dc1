! Parcels that wait for a van.
module depot_queue
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: parcel, postpone

  integer, parameter :: max_attempts = 3

  type, public :: parcel
    integer :: id = 0
    real(real64) :: kilos = 0.0_real64
    integer :: attempts = 0
  end type parcel

  interface weigh
    module procedure weigh_one
  end interface weigh

contains

  ! Whether two people must carry.
  pure logical function is_heavy(one)
    type(parcel), intent(in) :: one
    is_heavy = one%kilos > 31.5_real64
  end function is_heavy

  ! Puts a parcel off until the next working day.
  subroutine postpone(one, goes_back)
    type(parcel), intent(inout) :: one
    logical, intent(out) :: goes_back
    one%attempts = one%attempts + 1
    goes_back = one%attempts >= max_attempts
  end subroutine postpone

  real(real64) FUNCTION weigh_one(one) result(kilos)
    type(parcel), intent(in) :: one
    kilos = one%kilos
  END FUNCTION weigh_one

end module depot_queue

program night
  use depot_queue
  print *, 'the ramp is open'
end program night
