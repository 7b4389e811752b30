# RealIP - makes SpamAssassin believe no address behind one that mail-realip lists as not real.
#
#   loadplugin Mail::SpamAssassin::Plugin::RealIP /usr/share/mail-realip/spamassassin/RealIP.pm
#   realip_networks 10.0.20.0/24 fd00:10::/64
#
# `realipctl export spamassassin` writes both lines. SpamAssassin walks through the Received headers of trusted hosts to the
# first that is not trusted, and takes that one for the client: SPF, DNS lists and DMARC look at its address. Where a node, a
# NAT or a proxy stands in the client's place, the next header is the client's own to write, and a private address is trusted
# by default: the client would choose the address that is looked at. This plugin ends the walk there: there is no client's
# address then, and these checks find nothing to look at. No header can switch it on or off: the first header of the message
# is that of the own mail server, and those above the first address that is not trusted are of trusted hosts.
package Mail::SpamAssassin::Plugin::RealIP;

use strict;
use warnings;

use Mail::SpamAssassin::Conf;
use Mail::SpamAssassin::Logger;
use Mail::SpamAssassin::NetSet;
use Mail::SpamAssassin::Plugin;

our @ISA = ('Mail::SpamAssassin::Plugin');

sub new {
    my ($class, $main) = @_;
    my $self = $class->SUPER::new($main);

    bless $self, ref($class) || $class;
    $main->{conf}->{parser}->register_commands([{
        setting  => 'realip_networks',
        is_admin => 1,
        code     => \&read_networks,
    }]);
    return $self;
}

# The key may stand many times; each adds to the list. "!NETWORK" takes one out; the first network that fits decides, so that
# longer ones stand in front.
sub read_networks {
    my ($conf, undef, $value) = @_;

    return $Mail::SpamAssassin::Conf::MISSING_REQUIRED_VALUE if $value !~ /\S/;
    $conf->{realip_networks} ||= Mail::SpamAssassin::NetSet->new('realip_networks');
    $conf->{realip_networks}->add_cidr(split ' ', $value);
    return;
}

# How many hosts from the newest on can be believed: those in front of the first one that is listed; undef when none is
# listed as far as trust goes.
sub believed {
    my ($networks, $metadata) = @_;
    my @trusted = @{ $metadata->{relays_trusted} };
    my @hosts = (@trusted, @{ $metadata->{relays_untrusted} });

    for my $i (0 .. $#hosts) {
        return $i if $networks->contains_ip($hosts[$i]->{ip});
        return undef if $i > $#trusted;
    }
    return undef;
}

sub put_hosts {
    my ($metadata, $msg, $name, @hosts) = @_;
    my $text = join ' ', map { $_->{as_string} } @hosts;

    $metadata->{"relays_$name"} = \@hosts;
    $metadata->{"relays_${name}_str"} = $text;
    $metadata->{"num_relays_$name"} = scalar @hosts;
    $msg->put_metadata('X-Spam-Relays-' . ucfirst $name, $text);
    return;
}

# SpamAssassin copies the lists of hosts from the message's metadata right behind this hook.
sub extract_metadata {
    my ($self, $options) = @_;
    my $networks = $self->{main}->{conf}->{realip_networks} or return 1;
    my $msg = $options->{msg};
    my $metadata = $msg->{metadata};
    my $count = believed($networks, $metadata);

    return 1 if !defined $count;
    my @kept = (@{ $metadata->{relays_trusted} })[0 .. $count - 1];
    dbg("realip: the client's address was lost behind $count trusted hosts");
    put_hosts($metadata, $msg, 'trusted', @kept);
    put_hosts($metadata, $msg, 'untrusted');
    put_hosts($metadata, $msg, 'internal', grep { $_->{internal} } @kept);
    put_hosts($metadata, $msg, 'external', grep { !$_->{internal} } @kept);
    # Up to which Received header others' headers (Received-SPF) are believed.
    $metadata->{last_trusted_relay_index} = $metadata->{num_relays_trusted} - 1;
    $metadata->{last_internal_relay_index} = $metadata->{num_relays_internal} - 1;
    return 1;
}

1;
