/*
 * Constants that programs need and BTF does not carry, because the kernel defines them by #define.
 * Names and values are those of the kernel's user-space headers.
 */
#ifndef __EBPF_CONSTANTS_H__
#define __EBPF_CONSTANTS_H__

/* linux/if_ether.h */
#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8

/* net/ip.h: iphdr.frag_off */
#define IP_CE 0x8000
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1FFF

/* net/ipv6.h, linux/ipv6.h: the next header field, and frag_hdr.frag_off */
#define NEXTHDR_HOP 0
#define NEXTHDR_TCP 6
#define NEXTHDR_UDP 17
#define NEXTHDR_ROUTING 43
#define NEXTHDR_FRAGMENT 44
#define NEXTHDR_AUTH 51
#define NEXTHDR_ICMP 58
#define NEXTHDR_NONE 59
#define NEXTHDR_DEST 60
#define IP6_MF 0x0001
#define IP6_OFFSET 0xFFF8

/* linux/icmp.h, linux/icmpv6.h */
#define ICMP_ECHOREPLY 0
#define ICMP_ECHO 8
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

/* linux/pkt_cls.h */
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_RECLASSIFY 1
#define TC_ACT_SHOT 2
#define TC_ACT_PIPE 3
#define TC_ACT_STOLEN 4
#define TC_ACT_QUEUED 5
#define TC_ACT_REPEAT 6
#define TC_ACT_REDIRECT 7
#define TC_ACT_TRAP 8

/* linux/netfilter.h */
#define NF_DROP 0
#define NF_ACCEPT 1

/* linux/socket.h */
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

/* linux/socket.h, asm-generic/socket.h, linux/tcp.h: levels and options of setsockopt() */
#define SOL_IP 0
#define SOL_SOCKET 1
#define SOL_TCP 6
#define SOL_UDP 17
#define SOL_IPV6 41
#define SO_REUSEADDR 2
#define SO_SNDBUF 7
#define SO_RCVBUF 8
#define SO_KEEPALIVE 9
#define SO_PRIORITY 12
#define SO_REUSEPORT 15
#define SO_MARK 36
#define TCP_NODELAY 1
#define TCP_MAXSEG 2
#define TCP_CONGESTION 13

/* linux/time.h */
#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_BOOTTIME 7

/* asm-generic/errno-base.h */
#define EPERM 1
#define ENOENT 2
#define EAGAIN 11
#define EACCES 13
#define EINVAL 22
#define ENOSPC 28

#endif
