package Depot::Queue;

use strict;
use warnings;
use constant MAX_ATTEMPTS => 3;

=head1 Postponing a parcel

A parcel that nobody accepts is tried again on the next working day.

=cut

# Makes a queue for one ramp.
sub new {
    my ($class, %options) = @_;
    return bless { ramp => $options{ramp} // 4, waiting => [] }, $class;
}

# Puts a parcel off; the third time it goes back to its sender.
sub postpone {
    my ($self, $parcel) = @_;
    $parcel->{attempts}++;
    if ($parcel->{attempts} >= MAX_ATTEMPTS) {
        return $self->_send_back($parcel);
    }
    push @{ $self->{waiting} }, $parcel;
    return 1;
}

sub _send_back ($self, $parcel) {
    my %letter = (street => $parcel->{street}, reason => 'nobody was at home');
    return 0;
}

package Depot::Ramp;

sub number { return $_[0]{number} }

1;
