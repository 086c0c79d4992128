// The few signs that the page draws, all 16 by 16 in the colour of their text.
import type { ReactNode } from "react";

function Icon({ children, className = "" }: { children: ReactNode; className?: string }) {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" strokeLinejoin="round" className={`size-4 shrink-0 ${className}`}>
      {children}
    </svg>
  );
}

export const CopyIcon = () => <Icon className="size-3.5"><rect x="5.5" y="5.5" width="8" height="8" rx="1.5" /><path d="M10.500 5.500v-1.500a1.500 1.500 0 0 0-1.500-1.500h-5a1.500 1.500 0 0 0-1.500 1.500v5a1.500 1.500 0 0 0 1.500 1.500h1.500" /></Icon>;
export const CheckIcon = () => <Icon className="size-3.5"><path d="m3 8.500 3.500 3.500 6.500-7.500" /></Icon>;
export const ChevronIcon = ({ isOpen }: { isOpen: boolean }) => <Icon className={`size-3.5 transition-transform ${isOpen ? "rotate-90" : ""}`}><path d="m6 3.500 4.500 4.500-4.500 4.500" /></Icon>;
export const CloseIcon = () => <Icon><path d="m4 4 8 8m0-8-8 8" /></Icon>;
export const PlusIcon = () => <Icon><path d="M8 3.500v9M3.500 8h9" /></Icon>;
export const MinusIcon = () => <Icon><path d="M3.500 8h9" /></Icon>;
export const FitIcon = () => <Icon><path d="M2.500 3.500v9m11-9v9M5 8h6M6.500 6 4.500 8l2 2m3-4 2 2-2 2" /></Icon>;
export const SearchIcon = () => <Icon><circle cx="7" cy="7" r="4" /><path d="m10 10 3.500 3.500" /></Icon>;
export const WarningIcon = () => <Icon><path d="M8 2.200 14.500 13.500h-13zM8 6.500v3M8 11.600v.1" /></Icon>;
export const FileIcon = () => <Icon className="size-3.5"><path d="M4 1.800h5l3 3v9.400H4zM9 1.800v3h3" /></Icon>;
export const RetryIcon = () => <Icon><path d="M13 8a5 5 0 1 1-1.500-3.500L13 6M13 2.500V6H9.500" /></Icon>;
export const KeyboardIcon = () => <Icon><rect x="1.500" y="4" width="13" height="8" rx="1.500" /><path d="M4 6.500h.1M6.500 6.500h.1M9 6.500h.1M11.500 6.500h.1M5 9.500h6" /></Icon>;
export const SunIcon = () => <Icon><circle cx="8" cy="8" r="2.800" /><path d="M8 1.500v1.300m0 10.400v1.300M1.500 8h1.300m10.400 0h1.300M3.400 3.400l.9.9m7.400 7.400.9.9m0-9.200-.9.9m-7.400 7.400-.9.9" /></Icon>;
export const MoonIcon = () => <Icon><path d="M13.200 9.600A5.600 5.600 0 0 1 6.400 2.800a5.600 5.600 0 1 0 6.800 6.800z" /></Icon>;
export const SystemIcon = () => <Icon><rect x="2" y="3" width="12" height="8" rx="1.200" /><path d="M6 13.500h4" /></Icon>;
